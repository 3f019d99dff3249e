"""Lists on SQLite sort ids: for a page of rows no other row is read whole, whatever the order and the filters."""

import datetime
from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from api_v2.post_filters import SORTS
from cms.models import User
from cms.search import reindex
from tests.sorting import add_posts, out_of_order, texts_looked_at, wide_sorts

FILTERS: Final = (
    *("", "&language=en", "&kind=post,page", "&author=mia", "&q=needle"),
    *("&published_after=2001-01-01T00:00:00Z", "&updated_after=2001-01-01T00:00:00Z"),
)
LISTS: Final = (
    *("/posts/post-1/revisions", "/posts/post-1/comments", "/comments", "/comments?status=published"),
    *("/tags", "/categories", "/media", "/media?kind=image", "/media?q=a", "/users", "/users?role=author&q=a"),
    *(
        "/me/sessions",
        "/api-keys",
        "/webhooks",
        "/audit",
        "/audit?action=post.created",
        "/feed.atom",
        "/search?q=needle",
    ),
    *("/search?q=needle&sort=title", "/search?q=needle&sort=created_at", "/posts?status=draft,published,archived"),
)


@pytest.fixture(autouse=True)
def _only_sqlite(db: None, settings: Any) -> None:
    settings.PUBLIC_CACHE_MB = 0
    if connection.vendor != "sqlite":
        pytest.skip("of SQLite")


@pytest.fixture
def mia(make_user: Any, now: datetime.datetime) -> User:
    author: User = make_user("author", username="mia")
    add_posts(author, now)
    reindex()
    return author


@pytest.mark.parametrize("sort", [*SORTS, "created_at,title", "title,-updated_at"])
def test_a_page_of_posts_reads_the_texts_of_its_own(mia: User, client: Client, sort: str) -> None:
    for chosen in FILTERS:
        with texts_looked_at() as seen:
            page = client.get(f"/api/v2/posts?sort={sort}&limit=2{chosen}").json()
        assert len(page["data"]) == 2
        assert len(seen) <= 2 * 3, chosen  # both texts of its posts, and of the next one


@pytest.mark.parametrize("sort", SORTS)
def test_a_page_further_on_reads_no_more(mia: User, client: Client, sort: str) -> None:
    page = client.get(f"/api/v2/posts?sort={sort}&limit=2").json()["page"]
    for direction in ("next", "previous"):
        with texts_looked_at() as seen:
            page = client.get(page[direction]).json()["page"]
        assert len(seen) <= 2 * 3, direction


@pytest.mark.parametrize("path", LISTS)
def test_a_list_sorts_ids(mia: User, client_of: Any, admin: User, path: str) -> None:
    reader = client_of(admin)
    with CaptureQueriesContext(connection) as asked:
        assert reader.get(f"/api/v2{path}").status_code == 200
    assert wide_sorts(asked.captured_queries) == out_of_order(asked.captured_queries) == []
