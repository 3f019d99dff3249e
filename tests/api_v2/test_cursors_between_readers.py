"""A cursor that somebody else was given: whoever follows it gets what they may see, and no error."""

import datetime
from collections.abc import Callable

import pytest
from django.test import Client

from cms.models import Post, User

TITLES = 4


@pytest.fixture
def drafts_and_posts(make_post: Callable[..., Post]) -> None:
    for number in range(TITLES):
        make_post(title=f"Draft post {number}", is_published=False, tags=["x"])
        make_post(title=f"Public post {number}", tags=["x"])


@pytest.mark.parametrize("turn", ["next", "previous"])
@pytest.mark.parametrize(
    "path",
    [
        *("/posts?status=draft&limit=1", "/posts?status=draft,published&limit=1", "/posts?status=draft&tag=x&limit=1"),
        *(
            "/posts?status=draft,scheduled&sort=published_at&limit=1",
            "/posts?status=archived,draft&limit=1&count=exact",
        ),
        "/search?q=post&status=draft&sort=published_at&limit=1",
    ],
)
def test_a_visitor_follows_an_editors_cursor(
    drafts_and_posts: None, client_of: Callable[[User], Client], editor: User, path: str, turn: str
) -> None:
    as_editor = client_of(editor)
    cursor = as_editor.get(f"/api/v2{path}").json()["page"]["next"]
    if turn == "previous":
        cursor = as_editor.get(cursor).json()["page"]["previous"]
    answer = Client().get(cursor)
    assert answer.status_code == 200
    titles = [(entry.get("post") or entry)["title"] for entry in answer.json()["data"]]
    assert all(title.startswith("Public") for title in titles)


@pytest.mark.parametrize("order", ["-published_at", "published_at"])
def test_an_editor_follows_a_visitors_cursor_and_meets_each_post_once(
    drafts_and_posts: None, client_of: Callable[[User], Client], editor: User, order: str, now: datetime.datetime
) -> None:
    path = f"/api/v2/posts?status=draft,published&limit=1&sort={order}"
    page = Client().get(path).json()
    seen, as_editor = [page["data"][0]["title"]], client_of(editor)
    while page["page"]["next"]:
        page = as_editor.get(page["page"]["next"]).json()
        seen += [post["title"] for post in page["data"]]
    assert (len(seen), len({*seen})) == (2 * TITLES, 2 * TITLES)
