"""The dearest reads that content allows: few requests at a time do what takes long or much memory."""

import datetime
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cms.costs.turns import DEAR, Credit
from cms.models import Post, SearchDocument, Tag, User
from cms.querysets import long_texts
from cms.querysets.long_texts import SHORT_BYTES, read_texts, text_columns
from cms.search import SEARCHES, search_posts, suggest
from cms.search.highlights import READ_MAX
from tests.slow import slow

LISTS: Final = [
    "/api/v1/posts?limit=100",
    "/api/v2/posts?limit=100",
    "/api/v2/feed.atom?limit=100",
    "/api/v1/search?q=water&limit=100",
    "/api/v2/search?q=water&limit=100",
    "/api/v2/search?q=water&limit=100&sort=title",
]
SEARCHING: Final = ["/api/v1/search?q=water", "/api/v2/search?q=water", "/api/v2/posts?q=water"]
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
def no_place() -> Iterator[None]:
    """As long as others do dear work."""
    while DEAR.take():
        pass
    yield
    DEAR._begin()


def texts_in(path: str, answer: Any) -> list[str]:
    """Those of a list, in its order."""
    assert answer.status_code == 200, answer.content[:1_000]
    if "feed" in path:
        return [part.partition("</content>")[0] for part in answer.content.decode().split('<content type="html">')[1:]]
    data = answer.json()["data"]
    if "v1" in path:
        return [item["content"] for item in data["hits" if "hits" in data else "items"]]
    return [item.get("post", item)["content_html"] for item in data]


# -- lists of long texts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_all_its_texts_whatever_their_length(fill: Fill, client: Client, path: str) -> None:
    sizes = (1, SHORT_BYTES // 2, SHORT_BYTES // 2 + 1, SHORT_BYTES * 2)
    for size in sizes:
        fill(1, "ä" * (size // 2) + "a" * (size % 2))
    assert sorted(len(text.encode()) for text in texts_in(path, client.get(path))) == list(sizes)


@pytest.mark.parametrize("path", LISTS)
def test_all_long_texts_of_a_list_cost_one_statement(fill: Fill, client: Client, path: str) -> None:
    fill(3, "a")
    counts = []
    for content in ("a", "a" * (SHORT_BYTES + 1)):
        Post.objects.update(content=content, content_html=content)
        client.get(path)  # what is built once a process has been built then
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        counts.append(len(queries))
    assert counts[1] - counts[0] == 1


@pytest.mark.parametrize("path", LISTS)
def test_a_list_of_many_megabytes_is_read_by_one_request_at_a_time(
    fill: Fill, client: Client, path: str, no_place: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    many, posts = 4 * SHORT_BYTES, 4
    monkeypatch.setattr(long_texts, "MANY_BYTES", many)
    fill(posts, "a" * (many // posts // 2))
    assert client.get(path).status_code == 200
    Post.objects.update(content="a" * (many // posts + 1), content_html="a" * (many // posts + 1))
    answer = client.get(path)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    DEAR._begin()
    for _ in range(2):  # the turn was given back
        assert len(client.get(path).content) > many


def test_a_post_that_is_hidden_while_its_list_is_read_is_left_out(fill: Fill, now: datetime.datetime) -> None:
    fill(3, "a" * (SHORT_BYTES + 1))
    names = ("content",)
    rows = [
        dict(row)
        for row in Post.objects.order_by("pk").annotate(**text_columns(names)).values("id", *text_columns(names))
    ]
    Post.objects.filter(pk=rows[1]["id"]).update(status="draft")
    read = read_texts(rows, names, Post.objects.public(now))
    assert [row["id"] for row in read] == [rows[0]["id"], rows[2]["id"]]
    assert {len(row["content"]) for row in read} == {SHORT_BYTES + 1}


# -- searches ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SEARCHING)
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


@pytest.mark.parametrize(("posts", "size", "most_s"), [(3, 300_000, 0.1), slow(20, 999_000, 0.5)])
def test_many_words_cost_no_more_than_few_where_texts_are_long(
    fill: Fill, now: datetime.datetime, admin: User, posts: int, size: int, most_s: float
) -> None:
    words = [f"{first}{second}x" for first in "bcdfg" for second in "aeiou"]
    text = f" {' '.join(words)} "
    fill(posts, "a", words=text * (size // len(text)))
    search_posts("water", user=admin, now=now)
    began = time.thread_time()
    assert search_posts(" ".join(words), user=admin, now=now).total == posts
    assert time.thread_time() - began < most_s


@pytest.mark.parametrize(("posts", "most_s"), [(25, 1.5), slow(100, 1.5)])
def test_of_long_contents_so_much_is_read_to_be_quoted_as_of_a_few(
    fill: Fill, client: Client, posts: int, most_s: float
) -> None:
    fill(posts, "some words " * (READ_MAX // 11))
    began = time.thread_time()
    assert len(client.get("/api/v2/search?q=water&limit=100&fields=id").json()["data"]) == posts
    assert time.thread_time() - began < most_s


@pytest.mark.slow
def test_tags_that_nobody_sees_are_not_looked_for_among_all_posts(
    fill: Fill, now: datetime.datetime, admin: User
) -> None:
    fill(5_000, "a")
    Tag.objects.bulk_create(Tag(name=f"a {n}", name_key=f"a {n}", slug=f"a-{n}") for n in range(2_000))
    began = time.thread_time()
    assert suggest("a", user=admin, now=now, limit=50) == []
    assert time.thread_time() - began < 0.5
