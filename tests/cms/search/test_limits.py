"""What a search may cost on SQLite: few documents are ranked, few terms weighed, and a request's statement ends in time."""

import datetime
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, connection
from django.test import Client

from cms.http.unavailable import is_away
from cms.models import Post, SearchDocument, User
from cms.search import search_posts, searching, sqlite
from tests.cms.costs.test_turns import a_request

NOBODY: Final = AnonymousUser()

pytestmark = pytest.mark.usefixtures("only_sqlite")


@pytest.fixture
def no_time(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.PUBLIC_CACHE_MB = 0
    monkeypatch.setattr(sqlite, "_STATEMENT_S", 0)
    monkeypatch.setattr(sqlite, "_STEPS_BETWEEN_LOOKS", 1)
    yield
    assert connection.connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("path", ["/api/v1/search?q=water", "/api/v2/search?q=water", "/api/v2/posts?q=water"])
def test_a_search_that_takes_too_long_ends_as_on_postgresql(
    make_post: Callable[..., Post], client: Client, path: str, no_time: None
) -> None:
    make_post(title="Water")
    answer = client.get(path)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert not is_away(answer)  # the version itself may be at fault
    assert client.get("/api/v2/posts").status_code == 200


def test_commands_search_as_long_as_they_like(
    make_post: Callable[..., Post], now: datetime.datetime, no_time: None
) -> None:
    make_post(title="Water")
    assert search_posts("water", user=NOBODY, now=now).total == 1
    with a_request(), searching(), pytest.raises(OperationalError) as caught:
        search_posts("water", user=NOBODY, now=now)
    assert caught.value.__cause__
    assert caught.value.__cause__.sqlite_errorname == "SQLITE_INTERRUPT"  # type: ignore[attr-defined]


def _fill(author: User, now: datetime.datetime, count: int, words: str) -> None:
    posts = [
        Post(
            title="A post",
            slug=f"post-{number}",
            content="a",
            content_html="a",
            author=author,
            status="published",
            created_at=now - datetime.timedelta(hours=1, seconds=number),
            published_at=now - datetime.timedelta(hours=1),
        )
        for number in range(count)
    ]
    Post.objects.bulk_create(posts)
    SearchDocument.objects.bulk_create(SearchDocument(post=post, content=words) for post in posts)


@pytest.mark.parametrize("found", [1_000, 1_001])
def test_the_newest_thousand_are_ranked(author: User, now: datetime.datetime, found: int) -> None:
    _fill(author, now, found, " water ")
    results = search_posts("water", user=NOBODY, now=now)
    assert (results.total, results.is_truncated) == (1_000, found > 1_000)


def test_four_terms_are_weighed(author: User, now: datetime.datetime) -> None:
    _fill(author, now, 1, f" {' '.join('abcdefgh')} ")
    four, six = (search_posts(words, user=NOBODY, now=now).hits[0].score for words in ("b c d e", "b c d e f g"))
    assert four == six


def test_posts_without_the_word_are_not_looked_at(author: User, now: datetime.datetime) -> None:
    """Steps are counted, not limited: Python keeps statements, and SQLite adds up the steps of all their executions."""
    _fill(author, now, 1_000, " water ")
    looks: list[None] = []
    connection.connection.set_progress_handler(lambda: looks.append(None), 100)
    try:
        assert search_posts("zebra", user=NOBODY, now=now).total == 0
    finally:
        connection.connection.set_progress_handler(None, 0)
    assert 100 * len(looks) < 5_000
