"""GET and POST /admin/posts, DELETE /admin/posts/{uuid}."""

from typing import Any

import pytest
from django.test import Client

from cms.models import Post
from tests.api_v1.conftest import items_of

PATH = "/api/v1/admin/posts"
BODY = {"title": "T", "content": "C", "published": True}


@pytest.fixture
def admins_client(client_of: Any, make_user: Any) -> Client:
    return client_of(make_user("admin"))  # type: ignore[no-any-return]


@pytest.fixture
def one_of_each(make_hidden_post: Any, make_post: Any) -> None:
    make_post(title="Public")
    make_post(title="A page", kind="page")
    for state in ("draft", "scheduled", "expired", "private", "trashed", "archived"):
        make_hidden_post(state)


@pytest.mark.usefixtures("one_of_each")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["archived", "private", "expired", "scheduled", "draft", "Public"]),
        ("status=draft", ["draft"]),
        ("status=archived", ["archived"]),
        ("status=published", ["private", "expired", "scheduled", "Public"]),
        ("status=trashed", ["archived", "private", "expired", "scheduled", "draft", "Public"]),
        ("sort=created_at&limit=2", ["Public", "draft"]),
        ("sort=-published_at&limit=1", ["scheduled"]),
        ("limit=2&page=3", ["draft", "Public"]),
        ("author=01900000-0000-7000-8000-000000000000", []),
    ],
)
def test_an_admin_lists_posts_in_every_state_but_the_trash(query: str, expected: Any, admins_client: Client) -> None:
    titles = [item["title"] for item in items_of(admins_client.get(f"{PATH}?{query}"))]
    assert [title if title == "Public" else title.split(" ")[1] for title in titles] == expected


def test_an_admin_creates_and_deletes(admins_client: Client, send: Any) -> None:
    response = send(admins_client, "post", PATH, BODY)
    assert response.status_code == 201
    post = Post.objects.get()
    assert (post.status, post.author.role, str(post.pk)) == ("published", "admin", response.json()["data"]["id"])
    deleted = admins_client.delete(f"{PATH}/{post.pk}")
    assert (deleted.status_code, deleted.json()["data"]) == (200, {"message": "Post deleted"})
    assert Post.objects.get().status == "trashed"
    assert admins_client.delete(f"{PATH}/{post.pk}").status_code == 404
    assert admins_client.delete(f"{PATH}/no-uuid").status_code == 400


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("subscriber", 403), ("author", 403), ("editor", 403)])
def test_nobody_else_comes_in_not_even_with_a_broken_body(
    role: str | None, status: int, client_of: Any, make_user: Any, make_post: Any
) -> None:
    client = client_of(make_user(role)) if role else Client()
    post = make_post()
    assert client.get(PATH).status_code == status
    assert client.post(PATH, "{", content_type="application/json").status_code == status
    assert client.delete(f"{PATH}/{post.pk}").status_code == status
    assert Post.objects.get().status == "published"


def test_a_wrong_field_is_422_and_a_taken_slug_409(admins_client: Client, send: Any, make_post: Any) -> None:
    make_post(slug="taken")
    assert send(admins_client, "post", PATH, {"title": ""}).status_code == 422
    assert send(admins_client, "post", PATH, BODY | {"slug": "taken"}).status_code == 409
    assert Post.objects.count() == 1
