"""What is asked of each server: the same of all, in each one's own words."""

import itertools
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import httpx

from tests.bench.load import request

PASSWORD: Final = "a long enough pass-phrase"
CONTENT: Final = "Water just off the boil, three minutes, and no sugar. " * 40
OWN: Final = 40
"""Published posts of the user who writes, to be edited: more than there are connections, so that no edit waits for another."""
TAGS: Final = 100
"""On a page; both versions' limit."""
POSTS: Final = 20

WRITER: Final = "bench@example.org"
# Many logins end the oldest of a user's sessions, and the writer goes on with the first.
GUEST: Final = "bench-login@example.org"

type Requests = Sequence[bytes] | Iterator[bytes]


@dataclass(frozen=True)
class Call:
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"

    @property
    def prepared(self) -> bytes:
        return request(self.method, self.path, self.body, self.headers)


type Calls = Sequence[Call] | Iterator[Call]


@dataclass(frozen=True)
class Words:
    """The names that a server has for the same things."""

    base: str
    search: str
    register: str
    login: str
    edit: str
    """The method that changes the fields which are sent, and no others."""
    who: str
    """What the login calls the name of whoever signs in."""
    scheme: str
    token: Callable[[Any], str]
    """Out of the body that answers a login."""
    items: Callable[[Any], Sequence[Any]]
    """Out of the body of a list."""


WORDS: Final[Mapping[str, Words]] = {
    "v1": Words(
        *("/api/v1", "search?q=", "auth/register", "auth/login", "PUT", "email", "Bearer"),
        token=lambda body: body["data"]["tokens"]["access_token"],
        items=lambda body: body["data"]["hits" if "hits" in body["data"] else "items"],
    ),
    "v2": Words(
        *("/api/v2", "search?q=", "users", "auth/token", "PATCH", "email", "Bearer"),
        token=lambda body: body["access_token"],
        items=lambda body: body["data"],
    ),
    "drf": Words(
        *("/api/v1", "posts?search=", "users", "login", "PATCH", "username", "Token"),
        token=lambda body: body["token"],
        items=lambda body: body["results"],
    ),
}


class Samples:
    """Posts that are there to be read, and words to be found in them."""

    def __init__(self, titles: Mapping[str, str], own_ids: Sequence[str]) -> None:
        """Ids and titles to be read, and the ids of posts of the user who writes."""
        self.post_ids, self.own_ids = [*titles], [*own_ids]
        # Of bulk posts, "Quiet bridges, no. 7": words that every server's search takes for the same one.
        first = {title.split()[0].lower() for title in titles.values() if ", no. " in title}
        self.words = sorted(word for word in first if word.isalpha())
        if not self.words:
            raise ValueError("There are too few posts: 300 are the least.")

    @classmethod
    def listed(cls, base_url: str) -> Self:
        """Neither the newest, which every cache has, nor the oldest; and new ones of the user who writes."""
        body = httpx.get(f"{base_url}/api/v1/posts?limit=100&page=3", timeout=60).json()
        own = [_answered(base_url, call)["data"]["id"] for call in own_posts(sign_in(base_url, "v1"))]
        return cls({post["id"]: post["title"] for post in body["data"]["items"]}, own)


def login_call(name: str, who: str = WRITER) -> Call:
    words = WORDS[name]
    body = {words.who: who, "password": PASSWORD}
    return Call(f"{words.base}/{words.login}", body, method="POST")


def own_posts(token: str) -> Iterator[Call]:
    """The calls of v1 by which the user who writes gets posts to edit."""
    for number in range(OWN):
        body = {"title": f"To be edited, {number}", "content": CONTENT, "tags": ["Tea"], "published": True}
        yield Call(f"{WORDS['v1'].base}/posts", body, _headers(WORDS["v1"], token), "POST")


def calls_of(name: str, cache: str, samples: Samples, token: str) -> Mapping[str, Calls]:
    """The calls for each endpoint that the server has; with its cache off, those that it would answer from it."""
    if name == "empty":
        return {"post_get": [Call("/api/v2/posts/some")]}
    words = WORDS[name]
    reads: dict[str, Calls] = {
        "post_get": [Call(f"{words.base}/posts/{pk}") for pk in samples.post_ids],
        "post_list": [Call(f"{words.base}/posts")],
        "tag_list": [Call(f"{words.base}/tags?limit={TAGS}")],
        "search": [Call(f"{words.base}/{words.search}{word}") for word in samples.words],
    }
    return reads if cache == "cold" else reads | _writes(name, reads["post_get"], samples.own_ids, token)


def _writes(name: str, reads: Iterable[Call], own_ids: Sequence[str], token: str) -> dict[str, Calls]:
    words, headers = WORDS[name], _headers(WORDS[name], token)

    def create() -> Iterator[Call]:
        for _ in itertools.count():
            body = {"title": f"Measured {secrets.token_hex(6)}", "content": CONTENT, "tags": ["Tea"]}
            yield Call(f"{words.base}/posts", body, headers, "POST")

    def edit() -> Iterator[Call]:
        for pk in itertools.cycle(own_ids):
            yield Call(f"{words.base}/posts/{pk}", {"content": CONTENT + secrets.token_hex(6)}, headers, words.edit)

    return {
        "create": create(),
        "edit": edit(),
        "register": (Call(f"{words.base}/{words.register}", _person(), method="POST") for _ in itertools.count()),
        "login": [login_call(name, GUEST)],
        "mixed": _mixed(itertools.cycle(reads), create()),
    }


def prepared(calls: Calls) -> Requests:
    """A list of a few that are sent again and again stays one; what is new each time is made as it is asked for."""
    if isinstance(calls, Sequence):
        return [call.prepared for call in calls]
    return (call.prepared for call in calls)


def _mixed(reads: Iterator[Call], writes: Iterator[Call]) -> Iterator[Call]:
    """Nine reads to a write."""
    while True:
        yield from itertools.islice(reads, 9)
        yield next(writes)


def _headers(words: Words, token: str) -> dict[str, str]:
    return {"Authorization": f"{words.scheme} {token}"}


def _person() -> dict[str, Any]:
    name = f"m_{secrets.token_hex(8)}"
    return {"username": name, "email": f"{name}@example.org", "password": PASSWORD}


def sign_in(base_url: str, name: str) -> str:
    """The token of the user who writes."""
    return WORDS[name].token(_answered(base_url, login_call(name)))


def refuse_unequal_work(base_url: str, name: str, calls: Mapping[str, Calls]) -> None:
    """Raises ValueError unless the lists hold what all servers are to show."""
    for endpoint, least, most in (("post_list", POSTS, POSTS), ("tag_list", TAGS, TAGS), ("search", 1, POSTS)):
        for call in itertools.islice(calls.get(endpoint, ()), 5):
            found = len(WORDS[name].items(_answered(base_url, call)))
            if not least <= found <= most:
                raise ValueError(f"{name} answers {call.path} with {found} items instead of {least} to {most}.")


def _answered(base_url: str, call: Call) -> Any:
    url = f"{base_url}{call.path}"
    answer = httpx.request(call.method, url, json=call.body, headers=dict(call.headers), timeout=60)
    answer.raise_for_status()
    return answer.json()
