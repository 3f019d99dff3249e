from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.models import AuditEvent, Post, Redirect, User
from cms.policy import SYSTEM
from cms.services.post_states import publish_post
from cms.services.posts import create_post

LIST, ADD, TRY = "/admin/cms/redirect/", "/admin/cms/redirect/add/", "/admin/cms/redirect/try/"


@pytest.fixture
def client(editor: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(editor)


@pytest.fixture
def post(editor: User) -> Post:
    fields: Any = {"title": "Harbour notes", "content": "x"}
    draft = create_post(actor=SYSTEM, fields=fields, now=timezone.now(), author=editor)
    return publish_post(actor=SYSTEM, post=draft, now=timezone.now())


def _change(redirect: Redirect) -> str:
    return f"{LIST}{redirect.pk}/change/"


def test_a_redirect_is_added_tried_changed_and_deleted(
    client: Client, post: Post, send_form: Callable[..., Any]
) -> None:
    old = "/2019/05/harbour/"
    assert "leads nowhere" in client.get(TRY, {"path": old}).content.decode()
    send_form(client, ADD, button="_save", old_path=old, post=str(post.pk))
    redirect = Redirect.objects.get()
    page = client.get(TRY, {"path": "https://old.example.org/2019/05/harbour"}).content.decode()
    assert "It leads to the post" in page
    assert "/posts/harbour-notes" in page
    assert Client().get("/api/v2/redirects", {"path": old}).status_code == 301
    send_form(client, _change(redirect), old_path="/harbour")
    client.post(f"{LIST}{redirect.pk}/delete/", {"post": "yes"})
    assert not Redirect.objects.exists()
    actions = AuditEvent.objects.filter(object_type="redirect").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["redirect.created", "redirect.updated", "redirect.deleted"]


@pytest.mark.parametrize("old_path", ["harbour", "/", "/posts/harbour-notes", "/taken", f"/{'\U00020000' * 700}"])
def test_an_address_that_can_not_lead_there_is_refused_at_its_field(
    client: Client, post: Post, send_form: Callable[..., Any], old_path: str
) -> None:
    Redirect.objects.create(old_path="/taken", post=post)
    page = send_form(client, ADD, old_path=old_path, post=str(post.pk))
    assert "old_path" in page.context["adminform"].form.errors
    assert Redirect.objects.count() == 1


def test_trying_says_what_readers_get(client: Client, post: Post, editor: User) -> None:
    assert "has this address today" in client.get(TRY, {"path": "/posts/harbour-notes"}).content.decode()
    fields: Any = {"title": "Kept back", "content": "x"}
    draft = create_post(actor=SYSTEM, fields=fields, now=timezone.now(), author=editor)
    Redirect.objects.create(old_path="/kept-back", post=draft)
    assert "Readers get 404, because" in client.get(TRY, {"path": "/kept-back"}).content.decode()


def test_authors_neither_see_nor_keep_redirects(author: User, post: Post, signed_in: Callable[[User], Client]) -> None:
    client = signed_in(author)
    for address in (LIST, ADD, TRY):
        assert client.get(address).status_code == 403
    assert client.post(ADD, {"old_path": "/x", "post": str(post.pk)}).status_code == 403
