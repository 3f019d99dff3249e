"""Categories: a tree without cycles, names unique below one parent, none deleted while it is used."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from cms.errors import Duplicate, InUse, InvalidInput, NotFound, PermissionRefused
from cms.models import AuditEvent, Category, User
from cms.services.categories import create_category, delete_category, update_category
from cms.services.post_states import trash_post
from tests.cms.services.conftest import codes

ASTRAL = "\U0001f600"
pytestmark = pytest.mark.django_db
Make = Callable[..., Category]


def test_a_name_is_unique_below_its_parent(make_category: Make, editor: User, now: Any) -> None:
    root, other = make_category("News"), make_category("Sport")
    child = make_category("News", parent=root)
    make_category("news")  # case matters
    for act in (
        lambda: make_category("News"),
        lambda: make_category("News", parent=root),
        lambda: make_category("News", parent=root, slug="chosen"),
        lambda: update_category(actor=editor, category=other, changes={"name": "News"}, now=now),
        lambda: update_category(actor=editor, category=child, changes={"parent": None}, now=now),
    ):
        with pytest.raises(Duplicate) as caught:
            act()
        assert (caught.value.code, caught.value.field) == ("duplicate", "name")
    assert Category.objects.count() == 4


def test_slugs_are_unique_in_the_whole_tree(make_category: Make, editor: User, now: Any) -> None:
    root = make_category("News")
    assert make_category("News", parent=root).slug == "news-2"
    with pytest.raises(Duplicate) as caught:
        make_category("Other", slug="news")
    assert caught.value.field == "slug"
    with pytest.raises(Duplicate):
        update_category(actor=editor, category=make_category("Third"), changes={"slug": "news"}, now=now)


def test_the_slug_tree_is_reserved(make_category: Make, editor: User, now: Any) -> None:
    assert make_category("Tree").slug == "category-tree"
    with pytest.raises(InvalidInput) as caught:
        make_category("B", slug="tree")
    assert codes(caught.value) == [("slug", "invalid_slug")]
    with pytest.raises(InvalidInput):
        update_category(actor=editor, category=make_category("C"), changes={"slug": "tree"}, now=now)


@pytest.mark.parametrize("fields", [{"name": ASTRAL * 100}, {"name": "a", "description": ASTRAL * 2_000}])
def test_fields_at_their_limit_are_kept(editor: User, now: Any, fields: Any) -> None:
    category = create_category(actor=editor, fields=fields, now=now)
    assert Category.objects.filter(pk=category.pk).values(*fields).get() == fields


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": ""}, ("name", "required")),
        ({}, ("name", "required")),
        ({"name": ASTRAL * 101}, ("name", "too_long")),
        ({"name": "a\x00"}, ("name", "invalid_characters")),
        ({"name": "a", "description": "a" * 2_001}, ("description", "too_long")),
        ({"name": "a", "slug": "-a"}, ("slug", "invalid_slug")),
    ],
)
def test_fields_beyond_their_limit_are_refused(editor: User, now: Any, fields: Any, error: tuple[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_category(actor=editor, fields=fields, now=now)
    assert codes(caught.value) == [error]
    assert not Category.objects.exists()


def test_no_move_closes_a_cycle(make_category: Make, editor: User, now: Any) -> None:
    top = make_category("A")
    middle = make_category("B", parent=top)
    bottom = make_category("C", parent=middle)
    for category, parent in ((top, top), (top, middle), (top, bottom), (middle, bottom)):
        with pytest.raises(InvalidInput) as caught:
            update_category(actor=editor, category=category, changes={"parent": parent}, now=now)
        assert codes(caught.value) == [("parent", "cycle")]
    assert update_category(actor=editor, category=bottom, changes={"parent": top}, now=now).parent == top
    assert update_category(actor=editor, category=middle, changes={"parent": bottom}, now=now).parent == bottom


def test_a_parent_that_is_gone_is_refused(make_category: Make, editor: User, now: Any) -> None:
    ghost, child = make_category("Ghost"), make_category("Child")
    Category.objects.filter(pk=ghost.pk).delete()
    for act in (
        lambda: make_category("A", parent=ghost),
        lambda: update_category(actor=editor, category=child, changes={"parent": ghost}, now=now),
    ):
        with pytest.raises(InvalidInput) as caught:
            act()
        assert codes(caught.value) == [("parent", "missing")]


def test_a_category_in_use_is_not_deleted(make_category: Make, make_post: Any, editor: User, now: Any) -> None:
    parent = make_category("Parent")
    child = make_category("Child", parent=parent)
    post = make_post(categories=[child], is_published=False)
    trash_post(actor=editor, post=post, now=now)
    for category in (parent, child):
        with pytest.raises(InUse) as caught:
            delete_category(actor=editor, category=category)
        assert caught.value.code == "in_use"
    assert Category.objects.count() == 2
    assert not AuditEvent.objects.filter(action="category.deleted").exists()


def test_a_category_that_nobody_uses_is_deleted(make_category: Make, editor: User, events_of: Any) -> None:
    category = make_category("A")
    delete_category(actor=editor, category=category)
    assert not Category.objects.exists()
    assert events_of(category) == ["category.created", "category.deleted"]


@pytest.mark.parametrize("role", ["anonymous", "subscriber", "author"])
def test_only_editors_manage_categories(make_user: Any, make_category: Make, now: Any, role: str) -> None:
    actor = AnonymousUser() if role == "anonymous" else make_user(role)
    category = make_category("A")
    for act in (
        lambda: create_category(actor=actor, fields={"name": "B"}, now=now),
        lambda: update_category(actor=actor, category=category, changes={"name": "B"}, now=now),
        lambda: delete_category(actor=actor, category=category),
    ):
        with pytest.raises(PermissionRefused):
            act()
    assert Category.objects.get().name == "A"


def test_switching_off_has_an_event_of_its_own(make_category: Make, editor: User, now: Any, events_of: Any) -> None:
    category = make_category("A")
    for is_active in (True, False, False, True):
        update_category(actor=editor, category=category, changes={"is_active": is_active}, now=now)
    assert events_of(category) == ["category.created", "category.deactivated", "category.updated"]


def test_a_category_that_is_gone_is_not_found(make_category: Make, editor: User, now: Any) -> None:
    category = make_category("A")
    Category.objects.all().delete()
    with pytest.raises(NotFound):
        update_category(actor=editor, category=category, changes={"name": "B"}, now=now)
    with pytest.raises(NotFound):
        delete_category(actor=editor, category=category)
