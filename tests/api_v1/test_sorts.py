"""v1's lists on SQLite sort ids: for a page of rows no other row is read whole."""

import datetime
from typing import Any, Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from api_v1.queries import POST_SORT_KEYS, USER_SORT_KEYS
from cms.models import Post, User
from cms.search import reindex
from tests.sorting import add_posts, out_of_order, texts_looked_at, wide_sorts

LISTS: Final = (
    *("/tags", "/categories", "/api-keys", "/users", "/users?role=author", "/search?q=needle"),
    *(f"/users?sort={sign}{key}" for key in USER_SORT_KEYS for sign in ("", "-")),
)
SORTS: Final = [f"{sign}{key}" for key in POST_SORT_KEYS for sign in ("", "-")]


@pytest.fixture(autouse=True)
def _only_sqlite(db: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("of SQLite")


@pytest.fixture
def mia(make_user: Any, now: datetime.datetime) -> User:
    author: User = make_user("author", username="mia")
    add_posts(author, now)
    reindex()
    return author


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("page", [1, 3])
def test_a_page_of_posts_reads_the_texts_of_its_own(
    mia: User, client_of: Any, admin: User, sort: str, page: int
) -> None:
    reader = client_of(admin)
    for path in ("/posts?", "/admin/posts?", f"/posts?author={mia.pk}&"):
        with texts_looked_at() as seen:
            answer = reader.get(f"/api/v1{path}sort={sort}&limit=2&page={page}").json()
        assert len(answer["data"]["items"]) == 2
        assert len(seen) <= 2 * 2, path  # both texts of its posts


@pytest.mark.parametrize("key", POST_SORT_KEYS)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_sorted_search_reads_the_texts_of_its_page(mia: User, client_of: Any, key: str, order: str) -> None:
    with texts_looked_at() as seen:
        assert (
            client_of(mia).get(f"/api/v1/search?q=needle&limit=2&sort_by={key}&sort_order={order}").status_code == 200
        )
    assert len(seen) <= 2 * 2


@pytest.mark.parametrize("path", LISTS)
def test_a_list_sorts_ids(mia: User, client_of: Any, admin: User, path: str) -> None:
    post = Post.objects.earliest("created_at")
    reader = client_of(admin)
    for asked_for in (path, f"/posts/{post.pk}/comments"):
        with CaptureQueriesContext(connection) as asked:
            assert reader.get(f"/api/v1{asked_for}").status_code == 200
        assert wide_sorts(asked.captured_queries) == out_of_order(asked.captured_queries) == []
