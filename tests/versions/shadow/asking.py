"""Reads of v1 and v2 as a server process repeats them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode

from canary.shadow.asking import Read
from canary.shadow.offering import ShadowReader
from canary.shadow.reading import Outcome, read_both
from cms.models import User
from tests.api_v1.translating import ROUTES, requests_of

MAPPED = [route for route in ROUTES if route["method"] == "GET" and route["call"]]
META = {
    "SERVER_NAME": "testserver",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "203.0.113.7",
    "wsgi.url_scheme": "http",
}


@dataclass(frozen=True)
class Content:
    """The demo content and two users, there for all tests of this module: reads that leave nothing behind change nothing."""

    admin: User
    token: str
    author: User
    author_token: str
    raw_key: str
    post: str
    """The path of one with comments."""
    draft: str


def read_of(path: str, query: str = "", user: User | None = None, **headers: str) -> Read:
    user_id = str(user.pk) if user and "HTTP_AUTHORIZATION" in headers else None
    return Read(f"/api/v1{path}", query, {**META, **headers}, 1, "an-id", bool(headers), user_id)


def reads(user: User | None = None, **headers: str) -> Iterator[Read]:
    for route in MAPPED:
        for values, asked in requests_of(route, user):
            yield read_of(unquote(route["path"].format(**values)), urlencode(asked), user, **headers)


def drain(reader: ShadowReader) -> None:
    deadline = time.monotonic() + 30
    while reader.waiting and time.monotonic() < deadline:
        reader.take_turn()
    assert not reader.waiting
    reader.watchdog.rest()


def suggested(what: str = "", *, of_v1: str = "", is_v2_first: bool = False, **changes: Any) -> Outcome:
    """What a pair comes to of which v2, and v1, have this planted."""
    headers = {"HTTP_X_PLANTED": what, "HTTP_X_PLANTED_V1": of_v1}
    return read_both(read_of("/search/suggest", "prefix=a", **headers), is_v2_first=is_v2_first, **changes)
