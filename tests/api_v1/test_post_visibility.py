"""What is not public stays invisible on every path of v1: list, total, filters, detail, comments."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.models import Post, User
from tests.api_v1.conftest import HIDDEN_STATES, ids_of

TAG = "telltale"


@pytest.fixture(params=["anonymous", "subscriber", "another author"])
def outsider(request: pytest.FixtureRequest, db: None, make_user: Any, client_of: Any) -> Client:
    """A client of somebody who may see public posts only."""
    roles = {"subscriber": "subscriber", "another author": "author"}
    return client_of(make_user(roles[request.param])) if request.param in roles else Client()


@pytest.fixture(params=HIDDEN_STATES)
def hidden_post(request: pytest.FixtureRequest, make_hidden_post: Callable[..., Post], make_comment: Any) -> Post:
    post = make_hidden_post(request.param, tags=[TAG])
    make_comment(post)
    return post


@pytest.mark.parametrize(
    "query", [f"tag={TAG}", "status=draft", "status=archived", "status=trashed", "sort=title", "limit=100"]
)
def test_a_hidden_post_is_neither_listed_nor_counted(query: str, outsider: Client, hidden_post: Post) -> None:
    data = outsider.get(f"/api/v1/posts?{query}&author={hidden_post.author_id}").json()["data"]
    assert (data["items"], data["total"], data["total_pages"]) == ([], 0, 1)


@pytest.mark.parametrize("suffix", ["", "/comments"])
def test_a_hidden_post_is_not_found_like_one_that_never_was(suffix: str, outsider: Client, hidden_post: Post) -> None:
    hidden = outsider.get(f"/api/v1/posts/{hidden_post.pk}{suffix}")
    absent = outsider.get(f"/api/v1/posts/01900000-0000-7000-8000-000000000000{suffix}")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.content == absent.content


def test_a_tag_of_hidden_posts_alone_is_not_found_like_one_that_never_was(outsider: Client, hidden_post: Post) -> None:
    hidden, absent = (outsider.get(f"/api/v1/tags/{slug}") for slug in (TAG, "never-was"))
    assert hidden.status_code == absent.status_code == 404
    assert hidden.content == absent.content


def test_a_hidden_post_does_not_count_for_its_tag(outsider: Client, hidden_post: Post, make_post: Any) -> None:
    make_post(tags=[TAG])
    assert outsider.get(f"/api/v1/tags/{TAG}").json()["data"]["post_count"] == 1


@pytest.mark.parametrize("viewer", ["author", "editor"])
def test_its_author_and_editors_read_a_hidden_post_by_its_id(
    viewer: str, request: pytest.FixtureRequest, client_of: Callable[[User], Client], hidden_post: Post
) -> None:
    client = client_of(request.getfixturevalue(viewer))
    is_trashed = hidden_post.status == "trashed"
    for suffix in ("", "/comments"):
        response = client.get(f"/api/v1/posts/{hidden_post.pk}{suffix}")
        assert response.status_code == (404 if is_trashed else 200)


def test_a_trashed_post_is_listed_for_nobody(
    client_of: Callable[[User], Client], editor: User, make_hidden_post: Any
) -> None:
    make_hidden_post("trashed")
    for status in ("", "published", "draft", "archived", "trashed"):
        assert ids_of(client_of(editor).get("/api/v1/posts", {"status": status})) == []


def test_an_inactive_category_shows_on_a_post_to_editors_only(
    anonymous: Client, client_of: Any, editor: User, make_post: Any, make_category: Any
) -> None:
    post = make_post(categories=[make_category("Open"), make_category("Closed", is_active=False)])
    path = f"/api/v1/posts/{post.pk}"
    assert anonymous.get(path).json()["data"]["metadata"]["categories"] == ["Open"]
    assert client_of(editor).get(path).json()["data"]["metadata"]["categories"] == ["Closed", "Open"]
