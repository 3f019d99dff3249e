"""Cursors: of use for their own list only, and for nothing once they were touched."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from api_v2.cursors import Cursor, decode_cursor, encode_cursor
from api_v2.errors import Problem
from cms.models import Post


@pytest.fixture
def cursor(client: Client, make_post: Callable[..., Post]) -> str:
    """One of /posts?tag=x&sort=title."""
    for title in "abc":
        make_post(title=title, tags=["x", "y"])
    page = client.get("/api/v2/posts?tag=x&sort=title&limit=1").json()["page"]
    return str(page["next"]).rsplit("cursor=", 1)[1]


@pytest.mark.parametrize("query", ["tag=x&sort=title", "sort=title&tag=x&limit=2&fields=id&include=tags&count=exact"])
def test_a_cursor_is_good_for_its_list_however_much_of_it_is_asked_for(client: Client, cursor: str, query: str) -> None:
    answer = client.get(f"/api/v2/posts?{query}&cursor={cursor}")
    assert answer.status_code == 200
    assert len(answer.json()["data"]) == (2 if "limit=2" in query or "limit" not in query else 1)


@pytest.mark.parametrize(
    "path",
    [
        "/posts?sort=title",
        "/posts?tag=y&sort=title",
        "/posts?tag=x&sort=-title",
        "/posts?tag=x&sort=title,created_at",
        "/posts?tag=x",
        "/posts?tag=x&sort=title&status=published",
        "/posts/a-post/comments?",
        "/tags?",
    ],
)
def test_a_cursor_of_another_list_is_a_400(client: Client, cursor: str, path: str) -> None:
    answer = client.get(f"/api/v2{path}{'' if path.endswith('?') else '&'}cursor={cursor}")
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:problem-type:tandem:invalid-cursor"
    assert answer.json()["errors"][0]["parameter"] == "cursor"


def test_a_cursor_that_was_touched_anywhere_is_a_400(client: Client, cursor: str) -> None:
    for place in range(len(cursor) - 1):
        touched = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert client.get(f"/api/v2/posts?tag=x&sort=title&cursor={touched}").status_code == 400


@pytest.mark.parametrize("text", ["x", "!!!", "ä", "A" * 5000, "MTIz", "%FF", " "])
def test_a_text_that_is_no_cursor_is_a_400(client: Client, db: None, text: str) -> None:
    assert client.get("/api/v2/tags", {"cursor": text}).status_code == 400


def test_a_cursor_dies_with_the_secret_key_and_its_fallback(settings: Any) -> None:
    text = encode_cursor(Cursor("after", ("a", None)), "list")
    assert decode_cursor(text, "list") == Cursor("after", ("a", None))
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another-secret-0123456789-0123456789"
    settings.SECRET_KEY_FALLBACKS = ["a-secret-of-last-year-0123456789-0123456789", old]
    assert decode_cursor(text, "list") == Cursor("after", ("a", None))
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(Problem):
        decode_cursor(text, "list")
