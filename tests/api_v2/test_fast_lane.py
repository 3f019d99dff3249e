"""The fast lane differs from Django in nothing but its speed: thousands of requests are sent both ways."""

import io
import logging
import os
import random
from collections.abc import Callable, Mapping
from typing import Any, Final
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.utils import timezone

from api_v2.fast_lane import FastLane
from canary.recording.recorder import queue
from cms.models import Category, Comment, Post
from cms.policy import SYSTEM
from cms.services.posts import update_post

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        os.environ["DATABASE_URL"].startswith("sqlite"),
        reason="nothing is kept of a database in memory; tests/faults has SQLite in a file",
    ),
]

PER_ANSWER: Final = ("X-Request-ID", "RateLimit")
METHODS: Final = ("GET", "GET", "GET", "HEAD", "OPTIONS", "POST")
QUERIES: Final = (
    *("", "", "", "", "", "limit=1", "fields=title", "include=author,tags", "unknown=1", "limit=x", "tag=tea"),
    *("%FF", "q=%E8%8C%B6", "limit=1&limit=2", "q=first"),
)
KEPT: Final = (
    *("/api/v2/posts", "/api/v2/posts/first", "/api/v2/posts/first/comments", "/api/v2/tags", "/api/v2/tags/tea"),
    *("/api/v2/categories", "/api/v2/categories/tree", "/api/v2/feed.atom", "/api/v2/search"),
)
PATHS: Final = (
    *3 * KEPT,
    *(
        "/api/v2/posts/none",
        "/api/v2/posts/",
        "/api/v2/",
        "/api/v2",
        "/api/v2/search",
        "/api/v2/posts/\xe8\x8c\xb6",
        "/api/v2/posts/\xff",
        "/api/v2/me",
    ),
    *("/api/v1/posts", "/api/posts", "/api/v3/posts", "/"),
)
HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "HTTP_HOST": ("testserver", "localhost", "elsewhere.example", "testserver:80", ""),
    "HTTP_ACCEPT": ("*/*", "application/json", "text/plain", "text/html,application/xhtml+xml", "x" * 900),
    "HTTP_ORIGIN": ("https://front.example", "https://other.example", "null"),
    "HTTP_COOKIE": ("sessionid=unknown", "theme=dark", "tandem_canary=x", "messages=y"),
    "HTTP_AUTHORIZATION": ("Bearer x", "Basic x", ""),
    "HTTP_X_API_KEY": ("x",),
    "HTTP_X_FORWARDED_FOR": ("192.0.2.7", "192.0.2.7, 10.0.0.1", "x"),
    "HTTP_X_FORWARDED_PROTO": ("https", "http"),
    "HTTP_X_FORWARDED_HOST": ("elsewhere.example",),
    "HTTP_X_REQUEST_ID": ("mine", "bad id"),
    "HTTP_TRACEPARENT": ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0"),
    "HTTP_IF_NONE_MATCH": ("*", '"1-x"', "KNOWN", 'W/"1-x", KNOWN'),
    "HTTP_IF_MODIFIED_SINCE": ("Sun, 29 Nov 2026 00:00:00 GMT",),
    "HTTP_RANGE": ("bytes=0-9",),
    "HTTP_API_VERSION": ("1", "2", "9"),
    "HTTP_X_CLIENT_ID": ("a", "b"),
    "HTTP_X_CANARY_DEBUG": ("1",),
    "HTTP_ACCEPT_LANGUAGE": ("ja",),
    "HTTP_ACCEPT_ENCODING": ("gzip",),
    "HTTP_USER_AGENT": ("curl/8", "\xe8"),
    "CONTENT_TYPE": ("application/json", "multipart/form-data; charset=utf-7"),
    "REMOTE_ADDR": ("203.0.113.9", "10.0.0.1", ""),
    "wsgi.url_scheme": ("https",),
}


@pytest.fixture
def _content(
    make_post: Callable[..., Post], make_category: Callable[..., Category], make_comment: Callable[..., Comment]
) -> None:
    make_comment(make_post(title="First", slug="first", tags=["Tea"], categories=[make_category("Top")]))
    make_post(title="Second", slug="second", tags=["Tea"])


class Way:
    """One application, with what each of its answers says, writes to the log and gives to the statistics."""

    def __init__(self, application: Any, log: list[Any]) -> None:
        self.application, self.log = application, log

    def send(self, environ: dict[str, Any]) -> dict[str, Any]:
        said: list[Any] = []
        self.log.clear()
        queue.clear()
        answer = self.application({**environ, "wsgi.input": io.BytesIO()}, lambda *line: said.extend(line))
        content = b"".join(answer)
        answer.close()
        headers = sorted((name, value) for name, value in said[1] if name not in PER_ANSWER)
        return {
            "status": said[0],
            "headers": headers,
            "names": sorted(name for name, _ in said[1]),
            "content": content if said[0].startswith("2") else len(content),
            "log": [(line.name, line.levelname, _fields_of(line)) for line in self.log],
            "noted": [entry._replace(finished_ns=0, took_ns=0) for entry in queue.drain()],
        }


def _fields_of(line: logging.LogRecord) -> Any:
    return {**line.__dict__.get("fields", {"message": line.getMessage()}), "duration_ms": 0}


class Counted:
    def __init__(self, application: Any) -> None:
        self.application, self.calls = application, 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.calls += 1
        return self.application(environ, start_response)


@pytest.fixture
def ways(settings: Any, caplog: pytest.LogCaptureFixture) -> tuple[Way, Way, Counted]:
    """The long way, the fast lane, and how often the lane had to take the long way."""
    settings.ACCESS_LOG, settings.CORS_ALLOWED_ORIGINS = True, ["https://front.example"]
    settings.TRUSTED_PROXIES = settings.TRUSTED_PROXIES or ()
    caplog.set_level(logging.INFO)
    django: Any = WSGIHandler()
    passed = Counted(django)
    return Way(django, caplog.records), Way(FastLane(passed), caplog.records), passed


@pytest.fixture(autouse=True)
def _one_connection() -> Any:
    """As the test client does: the connection that pytest-django watches stays open between requests."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


def read_of(path: str, **more: str) -> dict[str, Any]:
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    return environ | {"PATH_INFO": path, "HTTP_HOST": "testserver", "REMOTE_ADDR": "203.0.113.5", **more}


def drawn(draw: random.Random) -> dict[str, Any]:
    environ = read_of(draw.choice(PATHS), QUERY_STRING=draw.choice(QUERIES), REQUEST_METHOD=draw.choice(METHODS))
    environ["REMOTE_ADDR"] = f"203.0.113.{draw.randrange(256)}"  # or they would be too many of one client
    for name in draw.sample(sorted(HEADERS), draw.choice((0, 0, 1, 1, 2, 3))):
        environ[name] = draw.choice(HEADERS[name])
    return environ


@pytest.mark.usefixtures("_content")
@pytest.mark.parametrize("requests", [500, pytest.param(6_000, marks=pytest.mark.slow)])
def test_both_ways_say_log_and_note_the_same(ways: tuple[Way, Way, Counted], requests: int) -> None:
    django, lane, passed = ways
    draw, etags = random.Random(requests), dict[str, str]()
    answered = 0
    for number in range(requests):
        environ = drawn(draw)
        if "KNOWN" in environ.get("HTTP_IF_NONE_MATCH", ""):
            environ["HTTP_IF_NONE_MATCH"] = environ["HTTP_IF_NONE_MATCH"].replace(
                "KNOWN", etags.get(environ["PATH_INFO"], "")
            )
        environ.setdefault("HTTP_X_REQUEST_ID", f"r-{number}")
        django.send(environ)  # the first answer takes queries
        slow, before = django.send(environ), passed.calls
        fast = lane.send(environ)
        for part, value in slow.items():
            assert fast[part] == value, (part, environ)
        answered += passed.calls == before
        if etag := dict(slow["headers"]).get("ETag"):
            etags[environ["PATH_INFO"]] = etag
    assert answered > requests / 8


@pytest.mark.usefixtures("_content")
def test_too_many_reads_are_refused_alike(ways: tuple[Way, Way, Counted], settings: Any) -> None:
    django, lane, passed = ways
    settings.RATE_LIMIT_ANONYMOUS = 2
    environ = read_of("/api/v2/posts")
    assert [django.send(environ)["status"], lane.send(environ)["status"]] == ["200 OK", "200 OK"]
    fast, slow = lane.send(environ), django.send(environ)
    assert (fast["status"], passed.calls) == ("429 Too Many Requests", 0)
    for part in ("status", "names", "log"):
        assert fast[part] == slow[part], part


@pytest.mark.usefixtures("_content")
def test_a_change_is_seen_by_the_next_read(ways: tuple[Way, Way, Counted]) -> None:
    _, lane, passed = ways
    environ = read_of("/api/v2/posts/first")
    before = [lane.send(environ)["content"] for _ in range(2)]
    assert (before[0] == before[1], passed.calls) == (True, 1)
    post = Post.objects.get(slug="first")
    update_post(actor=SYSTEM, post=post, changes={"title": "Changed"}, now=timezone.now())
    assert b"Changed" in lane.send(environ)["content"]
    assert passed.calls == 2


@pytest.mark.usefixtures("_content")
def test_a_version_that_is_switched_off_answers_nothing_from_memory(
    ways: tuple[Way, Way, Counted], settings: Any
) -> None:
    django, lane, passed = ways
    environ = read_of("/api/v2/posts/first")
    assert [django.send(environ)["status"], lane.send(environ)["status"]] == ["200 OK", "200 OK"]
    settings.CANARY = {**settings.CANARY, "IS_V2_ENABLED": False}
    off = lane.send(environ)
    assert off == django.send(environ)
    assert (off["status"], passed.calls) == ("404 Not Found", 0)
