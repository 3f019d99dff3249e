"""Tags and categories made, changed and deleted by editors."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.models import AuditEvent, Category, Post, Tag, User
from tests.api_v2.sending import codes_of, problem_of, send


@pytest.fixture
def as_editor(client_of: Callable[[User], Client], editor: User) -> Client:
    return client_of(editor)


@pytest.fixture
def parent(make_category: Callable[..., Category]) -> Category:
    return make_category("Parent")


def test_a_tag_is_made_and_found_where_location_says(as_editor: Client, client: Client) -> None:
    """By editors, until a public post has it."""
    answer = send(as_editor, "post", "/tags", {"name": "Open Source", "description": "Code for all."})
    body = answer.json()
    assert (answer.status_code, body["slug"], body["post_count"]) == (201, "open-source", 0)
    assert as_editor.get(answer.headers["Location"]).json() == body
    assert send(as_editor, "get", "/tags/open-source").headers["ETag"] == answer.headers["ETag"]
    assert client.get(answer.headers["Location"]).status_code == 404
    assert AuditEvent.objects.get(action="tag.created").api_version == 2


@pytest.mark.parametrize("kind", ["tags", "categories"])
@pytest.mark.parametrize(
    ("members", "status", "errors"),
    [
        ({}, 422, [("/name", "required")]),
        ({"name": ""}, 422, [("/name", "required")]),
        ({"name": None}, 422, [("/name", "invalid_type")]),
        ({"name": "x" * 101}, 422, [("/name", "too_long")]),
        ({"name": "New", "slug": "Not a slug"}, 422, [("/slug", "invalid_slug")]),
        ({"name": "New", "colour": "red"}, 422, [("/colour", "unknown_member")]),
        ({"name": "Taken"}, 409, [("/name", "duplicate")]),
        ({"name": "New", "slug": "taken"}, 409, [("/slug", "duplicate")]),
    ],
    ids=str,
)
def test_a_term_that_cannot_be_is_refused(
    as_editor: Client, kind: str, members: dict[str, Any], status: int, errors: list[tuple[str, str]]
) -> None:
    assert send(as_editor, "post", f"/{kind}", {"name": "Taken"}).status_code == 201
    answer = send(as_editor, "post", f"/{kind}", members)
    assert (answer.status_code, codes_of(answer)) == (status, errors)
    assert (Tag if kind == "tags" else Category).objects.count() == 1


def test_a_tag_is_changed(as_editor: Client) -> None:
    created = send(as_editor, "post", "/tags", {"name": "Old", "description": "x"})
    changes = {"name": "New", "slug": "new", "description": None}
    answer = send(as_editor, "patch", "/tags/old", changes, **{"If-Match": created.headers["ETag"]})
    assert (answer.status_code, answer.json()["slug"], answer.json()["description"]) == (200, "new", "")
    stale = send(as_editor, "patch", "/tags/new", {"name": "Late"}, **{"If-Match": created.headers["ETag"]})
    assert (problem_of(stale), stale.headers["ETag"]) == ((412, "precondition-failed"), answer.headers["ETag"])
    assert Tag.objects.get().name == "New"


def test_a_deleted_tag_is_gone_from_its_posts(as_editor: Client, make_post: Callable[..., Post]) -> None:
    post = make_post(tags=["Gone", "Kept"])
    assert send(as_editor, "delete", "/tags/gone").status_code == 204
    assert problem_of(send(as_editor, "delete", "/tags/gone")) == (404, "not-found")
    assert [tag.name for tag in post.tags.all()] == ["Kept"]


def test_a_category_is_made_below_another_by_slug_or_id(as_editor: Client, parent: Category) -> None:
    for number, named in enumerate((parent.slug, str(parent.pk))):
        answer = send(as_editor, "post", "/categories", {"name": f"Child {number}", "parent": named})
        assert (answer.status_code, answer.json()["parent"]) == (201, str(parent.pk))
        assert as_editor.get(answer.headers["Location"]).json() == answer.json()
    (root,) = send(as_editor, "get", "/categories/tree").json()["data"]
    assert [child["name"] for child in root["children"]] == ["Child 0", "Child 1"]


@pytest.mark.parametrize(
    ("members", "errors"),
    [
        ({"parent": "nowhere"}, [("/parent", "unknown")]),
        ({"parent": 1}, [("/parent", "invalid_type")]),
        ({"is_active": None}, [("/is_active", "invalid_type")]),
        ({"slug": "tree"}, [("/slug", "invalid_slug")]),
    ],
    ids=str,
)
def test_a_category_that_cannot_be_is_a_422(
    as_editor: Client, parent: Category, members: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    answer = send(as_editor, "post", "/categories", {"name": "New", **members})
    assert (answer.status_code, codes_of(answer)) == (422, errors)
    assert Category.objects.get() == parent


def test_a_category_moves_but_never_below_itself(
    as_editor: Client, parent: Category, make_category: Callable[..., Category]
) -> None:
    child = make_category("Child", parent=parent)
    cycle = send(as_editor, "patch", f"/categories/{parent.slug}", {"parent": child.slug})
    assert (cycle.status_code, codes_of(cycle)) == (422, [("/parent", "cycle")])
    moved = send(as_editor, "patch", f"/categories/{child.slug}", {"parent": None})
    assert (moved.status_code, moved.json()["parent"]) == (200, None)


def test_a_category_in_use_is_not_deleted(
    as_editor: Client, parent: Category, make_category: Callable[..., Category], make_post: Callable[..., Post]
) -> None:
    child = make_category("Child", parent=parent)
    make_post(categories=[child], is_published=False)
    for used in (parent, child):
        assert problem_of(send(as_editor, "delete", f"/categories/{used.slug}")) == (409, "in-use")
    Post.objects.get().categories.clear()
    for free in (child, parent):
        assert send(as_editor, "delete", f"/categories/{free.pk}").status_code == 204
    assert not Category.objects.exists()


def test_a_category_that_is_switched_off_is_for_editors_alone(
    as_editor: Client, client: Client, parent: Category
) -> None:
    answer = send(as_editor, "patch", f"/categories/{parent.slug}", {"is_active": False})
    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    assert problem_of(send(client, "get", f"/categories/{parent.slug}")) == (404, "not-found")
    assert AuditEvent.objects.filter(action="category.deactivated").count() == 1


@pytest.mark.parametrize("kind", ["tags", "categories"])
def test_only_editors_manage_terms(
    client: Client, client_of: Callable[[User], Client], author: User, as_editor: Client, kind: str
) -> None:
    send(as_editor, "post", f"/{kind}", {"name": "Kept"})
    for method, path, body in (
        ("post", f"/{kind}", {"name": "New"}),
        ("patch", f"/{kind}/kept", {"name": "New"}),
        ("delete", f"/{kind}/kept", None),
    ):
        assert problem_of(send(client, method, path, body)) == (401, "authentication-required")
        assert problem_of(send(client_of(author), method, path, body)) == (403, "permission-denied")
    assert (Tag if kind == "tags" else Category).objects.get().name == "Kept"


def test_a_repeated_creation_with_its_key_makes_one_tag(as_editor: Client) -> None:
    first, again = (send(as_editor, "post", "/tags", {"name": "One"}, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.content, first.headers["Location"]) == (again.content, again.headers["Location"])
    other = send(as_editor, "post", "/tags", {"name": "Two"}, **{"Idempotency-Key": "k"})
    assert problem_of(other) == (422, "idempotency-key-reused")
    assert Tag.objects.count() == 1
