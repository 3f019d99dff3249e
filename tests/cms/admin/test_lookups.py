"""Which parameters narrow a list: those of its filters and of the links to it. Others would find a column's value out."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import FieldListFilter, SimpleListFilter
from django.contrib.admin.utils import get_fields_from_path
from django.db.models import Field, Model
from django.test import Client, RequestFactory

from cms.apps import register_pages
from cms.models import Comment, Post, User
from cms.policy import SYSTEM
from cms.services.comments import create_comment

register_pages()
MODEL_ADMINS = list(admin.site._registry.values())
LINKED = {"auditevent": {"object_id__exact"}, "postrevision": {"post__id__exact"}}
GUESSES = ("", "__exact", "__startswith", "__contains", "__regex", "__gt", "__gte", "__in", "__isnull", "__length")


def _paths(model: type[Model], depth: int = 2) -> Iterator[str]:
    """Each column of the model, and of what it refers to."""
    for field in model._meta.get_fields():
        if not field.is_relation:
            yield field.name
        elif depth and isinstance(field.related_model, type):
            yield from (f"{field.name}__{path}" for path in _paths(field.related_model, depth - 1))


def _sent_by_filters(model_admin: Any, request: Any) -> set[str]:
    """The parameters of the links that the list's filters make."""
    sent: set[str] = set()
    for one in model_admin.list_filter:
        if isinstance(one, type) and issubclass(one, SimpleListFilter):
            sent.add(str(one.parameter_name))
            continue
        field = get_fields_from_path(model_admin.model, one)[-1]
        assert isinstance(field, Field)
        made = FieldListFilter.create(field, request, {}, model_admin.model, model_admin, field_path=one)
        sent.update(name for name in made.expected_parameters() if name)
    return sent


@pytest.mark.django_db
@pytest.mark.parametrize("model_admin", MODEL_ADMINS, ids=[one.opts.model_name for one in MODEL_ADMINS])
def test_a_list_is_narrowed_by_what_its_filters_and_links_send_and_by_nothing_else(
    model_admin: Any, make_user: Callable[..., User]
) -> None:
    request = RequestFactory().get("/")
    request.user = make_user("admin")
    sent = _sent_by_filters(model_admin, request) | LINKED.get(model_admin.opts.model_name, set())
    guesses = {f"{path}{guess}" for path in _paths(model_admin.model) for guess in GUESSES}
    assert len(guesses) > 50
    assert {one for one in sent if model_admin.lookup_allowed(one, "x", request)} == sent
    # A filter's column is shown in the list: its values may be compared, too.
    columns = {one for one in model_admin.list_filter if isinstance(one, str)}
    compared = {f"{column}__{lookup}" for column in columns for lookup in ("exact", "isnull", "gte", "lt")}
    assert {one for one in guesses if model_admin.lookup_allowed(one, "x", request)} <= sent | compared


def test_a_moderator_does_not_guess_the_address_of_a_guest(
    editor: User, make_post: Callable[..., Post], signed_in: Callable[[User], Client], now: Any
) -> None:
    guest: Any = {"text": "Words", "author": None, "author_name": "Guest", "author_email": "guest@example.org"}
    create_comment(actor=SYSTEM, post=make_post(), fields=guest, now=now)
    assert Comment.objects.get().author_email == "guest@example.org"
    client = signed_in(editor)
    for letter in ("g", "x"):
        assert client.get(f"/admin/cms/comment/?author_email__startswith={letter}").status_code == 400
