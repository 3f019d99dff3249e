"""The dearest searches that content allows: few requests at a time do those that take long."""

import datetime
import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from django.test import Client

from api_v2.views.syndication import SITEMAPS
from cms.costs import turns
from cms.costs.turns import DEAR, Credit
from cms.models import Post, SearchDocument, Tag, User
from cms.search import SEARCHES, search_posts, suggest
from cms.search.highlights import READ_MAX
from tests.processor import processor_time
from tests.slow import slow

SEARCHING: Final = ["/api/v1/search?q=water", "/api/v2/search?q=water", "/api/v2/posts?q=water"]
SUGGESTING: Final = ["/api/v1/search/suggest?prefix=water", "/api/v2/search/suggest?q=water"]
IN_ADMIN: Final = ["/admin/cms/post/?q=water", "/admin/search/?s=water&extended=1"]
type Fill = Callable[..., None]


@pytest.fixture
def client(settings: Any) -> Client:
    settings.PUBLIC_CACHE_MB = 0  # each answer is made
    return Client()


@pytest.fixture
def fill(author: User, now: datetime.datetime) -> Fill:
    """`fill(12, "a text")`: so many public posts with that text, past the services, for which it would be much work."""
    numbers = itertools.count()

    def fill_with(count: int, content: str, *, words: str = " water ") -> None:
        posts = [
            Post(
                title="A post",
                slug=f"post-{next(numbers)}",
                content=content,
                content_html=content,
                author=author,
                status="published",
                published_at=now - datetime.timedelta(hours=1),
            )
            for _ in range(count)
        ]
        Post.objects.bulk_create(posts)
        SearchDocument.objects.bulk_create(SearchDocument(post=post, content=words) for post in posts)

    return fill_with


@pytest.fixture
def no_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As long as others search and do dear work."""
    monkeypatch.setattr(turns, "PATIENCE_S", 0.01)
    for places in (DEAR, SEARCHES._places):
        while places.take():
            pass
    yield
    for places in (DEAR, SEARCHES._places):
        places._begin()


@pytest.mark.parametrize("path", [*SEARCHING, *SUGGESTING])
def test_searches_that_were_slow_are_few_at_a_time(
    fill: Fill, client: Client, path: str, no_place: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(1, "a")
    credit = Credit(1.0)
    monkeypatch.setattr(SEARCHES, "_credit", credit)
    assert client.get(path).status_code == 200
    credit.spend(5.0)
    answer = client.get(path)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    DEAR._begin()
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", IN_ADMIN)
def test_searches_of_the_admin_site_wait_with_the_others(
    client: Client, editor: User, path: str, no_place: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(editor)
    credit = Credit(1.0)
    monkeypatch.setattr(SEARCHES, "_credit", credit)
    assert client.get(path).status_code == 200
    credit.spend(5.0)
    client.raise_request_exception = False
    answer = client.get(path, HTTP_ACCEPT_LANGUAGE="ja")
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)


def test_sitemaps_that_were_slow_are_few_at_a_time(client: Client, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(1, "a")
    monkeypatch.setattr(SITEMAPS, "_credit", Credit(0.0))
    held = [client.get("/api/v2/sitemap.xml") for _ in range(2)]
    assert [answer.status_code for answer in held] == [200, 200]
    assert client.get("/api/v2/sitemap.xml").status_code == 503
    assert [b"post-" in answer.getvalue() for answer in held] == [True, True]
    assert b"post-" in client.get("/api/v2/sitemap.xml").getvalue()


@pytest.mark.parametrize(("posts", "size", "most_s"), [(3, 300_000, 0.1), slow(20, 999_000, 0.5)])
def test_many_words_cost_no_more_than_few_where_texts_are_long(
    fill: Fill, now: datetime.datetime, admin: User, posts: int, size: int, most_s: float
) -> None:
    words = [f"{first}{second}x" for first in "bcdfg" for second in "aeiou"]
    text = f" {' '.join(words)} "
    fill(posts, "a", words=text * (size // len(text)))
    search_posts("water", user=admin, now=now)
    with processor_time() as spent:
        assert search_posts(" ".join(words), user=admin, now=now).total == posts
    assert spent.seconds < most_s


@pytest.mark.parametrize(("path", "posts"), [(SEARCHING[1], 25), slow(SEARCHING[1], 100), slow(SEARCHING[0], 100)])
def test_of_many_long_contents_no_more_is_read_to_be_quoted_than_of_few(
    fill: Fill, client: Client, path: str, posts: int
) -> None:
    fill(posts, "some words " * (READ_MAX // 11))
    with processor_time() as spent:
        assert client.get(f"{path}&limit=100&fields=id").status_code == 200
    assert spent.seconds < 1.5


@pytest.mark.slow
def test_tags_that_nobody_sees_are_not_looked_for_among_all_posts(
    fill: Fill, now: datetime.datetime, admin: User
) -> None:
    fill(5_000, "a")
    Tag.objects.bulk_create(Tag(name=f"a {n}", name_key=f"a {n}", slug=f"a-{n}") for n in range(2_000))
    with processor_time() as spent:
        assert suggest("a", user=admin, now=now, limit=50) == []
    assert spent.seconds < 0.5
