"""Asking: one client for each role, answers as the bytes that came over the wire, and what they hold of the secrets."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from django.test import Client
from django.utils import timezone

from cms.services.sessions import open_session
from tests.leaks.http_paths import walked_urls
from tests.leaks.routes import Route, all_routes
from tests.leaks.world import WORD, World

PAGES_FOLLOWED: Final = 2
ENTRANCE_STEP: Final = 6
REQUEST_ID: Final = "walk"
# What differs between two answers to one question: a token against forgery, the time of day, how long it took, how much
# of a quota is left, a random identity.
_VARYING: Final = (
    (re.compile(rb'(csrfmiddlewaretoken" value=|X-CSRFToken&quot;: &quot;|X-CSRFToken": )"?[A-Za-z0-9]+'), rb"\1"),
    (re.compile(rb'"timestamp":"[^"]+"'), b'"timestamp":""'),
    (re.compile(rb'"took_ms":[0-9]+'), b'"took_ms":0'),
    (re.compile(rb'"csrf_token":"[A-Za-z0-9]+"'), b'"csrf_token":""'),
    (re.compile(rb"(\nRateLimit: [^\n;]*)[^\n]*"), rb"\1"),
    (re.compile(rb"((?:^|\n)Expires: |expires=)[^;\n]*"), rb"\1"),
    (re.compile(rb"(Set-Cookie: \w+=)[^;]*"), rb"\1"),
    (re.compile(rb"results in [0-9.]+ seconds"), b""),
)
_TIMED: Final = re.compile(r"/api(/v1)?/search(\?|$)")
"""What says how long it took, in more digits or fewer: the length of such an answer tells nothing else."""
_LENGTH: Final = re.compile(rb"Content-Length: [0-9]+")
_ETAG: Final = re.compile(rb"^ETag: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    url: str
    method: str
    status: int
    raw: bytes
    """Headers and body."""

    def words_of(self, world: World) -> set[str]:
        """The secrets in it, but for those that the question held."""
        asked = unquote(self.url)
        return {word for word in secrets_in(self.raw, world) if word not in asked}

    def comparable(self) -> bytes:
        raw = self.raw
        for pattern, replacement in _VARYING:
            raw = pattern.sub(replacement, raw)
        return _LENGTH.sub(b"", raw) if _TIMED.search(self.url) else raw


@dataclass(frozen=True)
class Question:
    route: Route
    url: str

    @property
    def is_bare(self) -> bool:
        """Whether it is also asked by HEAD and with a validator: the pinned paths themselves, without a query."""
        return self.route.mount in ("api/v1", "api/v2") and "?" not in self.url

    @property
    def has_etag(self) -> bool:
        return self.is_bare and self.route.mount == "api/v2"


def questions_about(world: World) -> list[Question]:
    """Everything that is asked. Of the entrance, whose views are the same as those of the pinned paths, a part."""
    return [
        Question(route, url)
        for route in all_routes()
        for url in (walked_urls(route, world) or [])[:: ENTRANCE_STEP if route.mount == "api" else 1]
    ]


class Walker:
    """Everything that one role may ask: the APIs with its access token, the site with its session."""

    def __init__(self, world: World, role: str) -> None:
        self.api, self.site = Client(), Client()
        if user := world.users.get(role):
            self.site.force_login(user)
            token = open_session(user=user, now=timezone.now()).access_token
            self.api = Client(headers={"authorization": f"Bearer {token}"})
        for client in (self.api, self.site):
            client.get("/admin/login/")  # cookies of newcomers are given out now, not with the first answer of a walk
            client.get("/api")

    def walk(self, questions: Iterable[Question], etags: Mapping[str, str] | None = None) -> Iterator[Answer]:
        """`etags` are what somebody else was given for these URLs; the same is asked with them too."""
        for question in questions:
            yield from self._ask(question, (etags or {}).get(question.url))

    def etags(self, questions: Iterable[Question]) -> dict[str, str]:
        """The validators of what this role may read, by URL."""
        found = {one.url: _ETAG.search(self._send(self.api, "GET", one.url).raw) for one in questions if one.has_etag}
        return {url: match[1].decode() for url, match in found.items() if match}

    def _ask(self, question: Question, etag: str | None) -> Iterator[Answer]:
        if question.route.urlconf == "cms.urls":
            yield self._send(self.site, "GET", question.url)
            return
        headers = {"API-Version": question.route.urlconf[5]}  # for the entrance
        yield from self._pages(question.url, headers)
        if question.is_bare:
            yield self._send(self.api, "HEAD", question.url, **headers)
            yield self._send(self.api, "GET", question.url, **headers, **{"If-None-Match": etag or "*"})

    def _pages(self, url: str, headers: dict[str, str]) -> Iterator[Answer]:
        for _ in range(PAGES_FOLLOWED):
            answer = self._send(self.api, "GET", url, **headers)
            yield answer
            following = re.search(rb'"next":"([^"]+)"', answer.raw)
            if following is None:
                return
            url = following[1].decode()

    @staticmethod
    def _send(client: Client, method: str, url: str, **headers: str) -> Answer:
        client.raise_request_exception = False
        response = client.generic(method, url, headers={"X-Request-ID": REQUEST_ID, **headers})
        lines = [f"{name}: {value}" for name, value in response.headers.items()]
        lines += [f"Set-Cookie: {morsel.OutputString()}" for morsel in response.cookies.values()]
        raw = "\n".join([str(response.status_code), *lines, ""]).encode() + response.getvalue()
        name = f"{method} If-None-Match" if "If-None-Match" in headers else method
        return Answer(url, name, response.status_code, raw)


def secrets_in(raw: bytes, world: World) -> set[str]:
    # One pattern for all words: an alternative for each would take longer than all answers together.
    found = {match.decode() for match in WORD.findall(raw)} & world.secrets.keys()
    return found | {word for word in world.long_secrets if word.encode() in raw}


def leaks_in(answers: Iterable[Answer], world: World, role: str) -> tuple[list[str], set[str]]:
    """A sentence for every secret that this role may not see, and all that it has seen."""
    leaks: list[str] = []
    seen: set[str] = set()
    for answer in answers:
        words = answer.words_of(world)
        seen |= words
        places = sorted(world.secrets[word].place for word in words if role not in world.secrets[word].may)
        leaks += [f"{role} reads {place!r} in the answer to {answer.method} {answer.url}" for place in places]
    return leaks, seen


def assert_nothing_leaks(answers: list[Answer], world: World, role: str) -> None:
    """That this role was refused or shown everything it may see and nothing else, by whichever way it asked."""
    failures = [answer.url for answer in answers if answer.status >= 500]
    assert not failures
    leaks, seen = leaks_in(answers, world, role)
    assert not leaks
    overlooked = sorted(s.place for word, s in world.secrets.items() if role in s.must and word not in seen)
    assert not overlooked, f"{role} may read these and found them nowhere"
    # Whoever is refused is refused too when the question comes with the right validator.
    for url, statuses in statuses_of(answers).items():
        if statuses.get("GET", 200) >= 400:
            assert set(statuses.values()) == {statuses["GET"]}, url


def statuses_of(answers: Iterable[Answer]) -> dict[str, dict[str, int]]:
    """By URL, the status of each way of asking."""
    found: dict[str, dict[str, int]] = {}
    for answer in answers:
        found.setdefault(answer.url, {}).setdefault(answer.method, answer.status)
    return found


def unfilled(routes: Iterable[Route], world: Any) -> list[str]:
    """A sentence for every route that the walk passes by."""
    return [
        f"{route} is not walked: say in tests/leaks/http_paths.py (and for pages of a model in _rows_of, "
        f"tests/leaks/world.py) how it is filled, with hidden objects among the values."
        for route in routes
        if not walked_urls(route, world)
    ]
