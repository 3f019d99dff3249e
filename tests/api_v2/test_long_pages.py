"""A page ends when its texts have so many bytes: each post still comes once, and no answer is much longer."""

import datetime
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cms.costs.bodies import PAGE_BYTES_MAX
from cms.db.compiled import forget
from cms.models import Post, User
from cms.search import reindex
from tests.api_v2.walking import last_page, walk, walk_back

WIDE: Final = "漢"
LONG: Final = 400_000
FEW_BYTES: Final = 1_000
PER_PAGE: Final = PAGE_BYTES_MAX // (2 * LONG * len(WIDE.encode()))
"""Posts of LONG characters, and HTML that is as long, that a page has room for."""


@pytest.fixture
def fill(author: User) -> Callable[[Sequence[int]], list[str]]:
    """Posts with contents of so many characters, their HTML as long, from the oldest to the newest; their ids."""

    def fill_with(lengths: Sequence[int]) -> list[str]:
        at = timezone.now() - datetime.timedelta(days=1)
        Post.objects.all().delete()
        posts = [
            Post(
                title="Long needle",
                slug=f"long-{number}",
                content=WIDE * length,
                content_html=WIDE * length,
                author=author,
                status="published",
                published_at=at + datetime.timedelta(minutes=number),
            )
            for number, length in enumerate(lengths)
        ]
        Post.objects.bulk_create(posts)
        return [str(post.pk) for post in posts]

    return fill_with


@pytest.fixture
def few_bytes(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """As many bytes as some short texts have fill a page."""
    monkeypatch.setattr("api_v2.post_queries.PAGE_BYTES_MAX", FEW_BYTES)
    forget()
    yield FEW_BYTES
    forget()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.sampled_from([1, 60, 200]), min_size=1, max_size=9),
    limit=st.integers(1, 5),
    sort=st.sampled_from(["-published_at", "title,published_at"]),
)
def test_a_walk_meets_each_post_once_in_both_directions(
    client: Client, fill: Callable[..., list[str]], few_bytes: int, lengths: list[int], limit: int, sort: str
) -> None:
    ids = fill(lengths)
    path = f"/posts?limit={limit}&sort={sort}"
    forward = [post["id"] for post in walk(client, path)]
    assert sorted(forward) == sorted(ids)
    assert [post["id"] for post in walk_back(client, last_page(client, path))] == forward
    if all(length == 200 for length in lengths):
        assert len(client.get(f"/api/v2{path}").json()["data"]) == 1


@pytest.mark.parametrize(
    "path", ["/posts", "/posts?fields=id,content", "/search?q=needle", "/search?q=needle&sort=title"]
)
def test_a_page_ends_before_the_post_for_which_it_has_no_room(
    client: Client, fill: Callable[..., list[str]], get: Callable[..., Any], path: str
) -> None:
    ids = fill([LONG] * (PER_PAGE + 2))
    reindex()
    with CaptureQueriesContext(connection) as asked:
        page = get(f"{path}{'&' if '?' in path else '?'}limit=100").json()
    assert len(page["data"]) == PER_PAGE
    assert page["page"]["has_more"]
    assert page["page"]["limit"] == 100
    assert len([query for query in asked if "content" in query["sql"]]) <= 2
    found = [
        one.get("id") or one["post"]["id"] for one in walk(client, f"{path}{'&' if '?' in path else '?'}limit=100")
    ]
    assert sorted(found) == sorted(ids)


@pytest.mark.parametrize("path", ["/posts?fields=id,title", "/posts?q=needle&fields=id", "/search?q=needle&fields=id"])
def test_a_list_without_long_texts_has_as_many_rows_as_ever(
    fill: Callable[..., list[str]], get: Callable[..., Any], path: str
) -> None:
    fill([LONG] * (PER_PAGE + 2))
    reindex()
    assert len(get(f"{path}&limit=100").json()["data"]) == PER_PAGE + 2


def test_a_feed_ends_early_and_leads_on(fill: Callable[..., list[str]], get: Callable[..., Any]) -> None:
    fill([LONG] * (PER_PAGE + 1))
    feed = get("/feed.atom?limit=100").content
    assert feed.count(b"</entry>") == PER_PAGE
    assert b'rel="next"' in feed


def test_a_page_is_no_longer_than_its_bytes_or_one_post(
    client: Client, fill: Callable[..., list[str]], get: Callable[..., Any]
) -> None:
    fill([LONG] * (PER_PAGE + 3))
    assert len(get("/posts?limit=100").content) < PAGE_BYTES_MAX
    ids = fill([1, 1, 1])
    Post.objects.exclude(pk=ids[1]).update(content_html=WIDE * (PAGE_BYTES_MAX // len(WIDE.encode()) + 1))
    assert [post["id"] for post in walk(client, "/posts?limit=100")] == ids[::-1]
    assert len(get("/posts?limit=100").json()["data"]) == 1
