"""What is asked of each side: the same of all, in each one's own words; one endpoint at a time, or the workload."""

import itertools
import random
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx
import psycopg

from tests.measuring.client import request
from tests.measuring.site import PASSWORD, PUBLIC, WRITER

CONTENT: Final = "Water just off the boil, three minutes, and no sugar. " * 40 + "Then wait."
TAG: Final = "coastal maps"
"""A tag that public posts carry, as most new posts have. One of drafts alone makes lists of tags look through these."""
WORDS: Final = ("maps", "quiet", "gardens", "coastal")
"""Each stands in one post of twenty to ten."""
SAMPLES: Final = 100
CONNECTIONS: Final = 8
READS: Final = {"detail": 50, "list": 14, "include": 10, "tag": 8, "second": 7, "tags": 6, "date": 5}
WORKLOAD: Final[Mapping[str, Mapping[str, float]]] = {
    # In a hundred requests: who asks, and what, by weights.
    "anonymous": {name: 0.60 * share for name, share in READS.items()} | {"search": 5, "comments": 4},
    "writer": {name: 0.25 * share for name, share in READS.items()} | {"comment": 1, "edit": 4, "create": 1},
}
_PEER: Final = {
    "detail": "/api/posts/{slug}",
    "list": "/api/posts",
    "include": "/api/expanded-posts",
    "tag": "/api/posts?tag={tag}",
    "date": "/api/posts?published_after={date}",
    "tags": "/api/tags",
    "search": "/api/search?q={word}",
    "comments": "/api/posts/{slug}/comments",
    "numbered list": "/api/posts?page=1",
    "numbered tags": "/api/tags?page=1&limit=100",
    "create": "/api/posts",
    "edit": "/api/posts/{own}",
}
PATHS: Final[Mapping[str, Mapping[str, str]]] = {
    "v2": {
        "detail": "/api/v2/posts/{slug}",
        "list": "/api/v2/posts",
        "include": "/api/v2/posts?include=author,tags",
        "tag": "/api/v2/posts?tag={tag}",
        "date": "/api/v2/posts?published_after={date}",
        "tags": "/api/v2/tags?limit=100",
        "search": "/api/v2/search?q={word}",
        "comments": "/api/v2/posts/{slug}/comments",
        "create": "/api/v2/posts",
        "edit": "/api/v2/posts/{own}",
    },
    "v1": {
        "detail": "/api/v1/posts/{id}",
        "list": "/api/v1/posts",
        "tags": "/api/v1/tags?limit=100",
        "search": "/api/v1/search?q={word}",
        "comments": "/api/v1/posts/{id}/comments",
    },
    "drf": _PEER,
    "ninja": _PEER,
    "empty": {"detail": "/"},
}
BODIES: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "create": lambda: {"title": f"Measured {secrets.token_hex(6)}", "content": CONTENT, "tags": [TAG]},
    "edit": lambda: {"content": f"{CONTENT} {secrets.token_hex(6)}"},
    "comment": lambda: {"text": f"Measured {secrets.token_hex(6)}"},
}


@dataclass(frozen=True)
class Call:
    path: str
    body: Any = None
    token: str = ""
    method: str = "GET"

    @property
    def prepared(self) -> bytes:
        return request(
            self.method, self.path, self.body, {"Authorization": f"Bearer {self.token}"} if self.token else {}
        )


@dataclass(frozen=True)
class Samples:
    """What is there to be asked for."""

    slugs: Sequence[str]
    """Of all public posts, those first that are read most."""
    ids: Sequence[str]
    own: Sequence[str]
    """Ids of the writer's public posts."""
    tags: Sequence[str]
    dates: Sequence[str]
    """Instants after which there are twenty posts and more."""
    writer: str

    @classmethod
    def of(cls, database_url: str) -> "Samples":
        order = random.Random(1)
        with psycopg.connect(database_url) as connection:
            posts = connection.execute(f"SELECT slug, id::text FROM cms_post WHERE {PUBLIC} ORDER BY id").fetchall()  # type: ignore[call-overload]
            [[writer]] = connection.execute("SELECT id::text FROM cms_user WHERE email = %s", [WRITER]).fetchall()
            own = connection.execute("SELECT id::text FROM cms_post WHERE author_id = %s", [writer]).fetchall()
            tags = connection.execute("SELECT slug FROM cms_tag ORDER BY usage_count DESC LIMIT 20").fetchall()
            instants = f"SELECT published_at FROM cms_post WHERE {PUBLIC} ORDER BY 1 DESC OFFSET 50 LIMIT 200"
            dates = connection.execute(instants).fetchall()[::20]  # type: ignore[call-overload]
        order.shuffle(posts)
        written = [f"{at:%Y-%m-%dT%H:%M:%S}Z" for (at,) in dates]
        slugs, ids = zip(*posts, strict=True)
        return cls(slugs, ids, [pk for (pk,) in own], [slug for (slug,) in tags], written, writer)


class Side:
    """One server, its words, and the tokens that it has given."""

    def __init__(self, name: str, samples: Samples, token: str = "", second: str = "") -> None:
        self.name, self._samples, self._token = name, samples, token
        self._paths = {**PATHS[name], "second": second, "comment": PATHS[name].get("comments", "")}

    @classmethod
    def signed_in(cls, name: str, samples: Samples, base_url: str) -> "Side":
        """Return one with a token of the writer's, and the path of its second page."""
        if name in ("v1", "empty"):
            return cls(name, samples)
        side = cls(name, samples, second=_second_page(name, base_url))
        side.sign_in(base_url)
        return side

    def sign_in(self, base_url: str) -> None:
        """Take a new token: v2's end after a quarter of an hour."""
        if self.name not in ("v1", "empty"):
            self._token = _token(self.name, self._samples, base_url)

    def call(self, operation: str, rng: random.Random, slugs: Iterator[str], *, is_signed: bool = False) -> Call:
        """Draw one request."""
        samples = self._samples
        path = self._paths[operation].format(
            slug=quote(next(slugs)), id=rng.choice(samples.ids[:SAMPLES]), own=rng.choice(samples.own),
            tag=rng.choice(samples.tags), date=rng.choice(samples.dates), word=rng.choice(WORDS),
        )  # fmt: skip
        is_write = operation in BODIES
        method = ("PATCH" if operation == "edit" else "POST") if is_write else "GET"
        body = BODIES[operation]() if is_write else None
        return Call(path, body, self._token if is_signed or is_write else "", method)

    def calls(self, operation: str, *, is_signed: bool = False) -> Iterator[Call]:
        """Of one operation, over a hundred posts."""
        rng, slugs = random.Random(1), itertools.cycle(self._samples.slugs[:SAMPLES])
        while True:
            yield self.call(operation, rng, slugs, is_signed=is_signed)

    def first(self, operation: str, *, is_signed: bool = False) -> Call:
        return next(self.calls(operation, is_signed=is_signed))

    def workload(self) -> Iterator[Call]:
        """The same row for every side: posts by Zipf's law, so that the first one is read as often as the next three."""
        rng, slugs = random.Random(1), zipf(self._samples.slugs)
        kinds = [(operation, who == "writer") for who, shares in WORKLOAD.items() for operation in shares]
        weights = [share for shares in WORKLOAD.values() for share in shares.values()]
        while True:
            [(operation, is_signed)] = rng.choices(kinds, weights)
            yield self.call(operation, rng, slugs, is_signed=is_signed)


def zipf(slugs: Sequence[str]) -> Iterator[str]:
    rng, weights = random.Random(2), list(itertools.accumulate(1 / place for place in range(1, len(slugs) + 1)))
    while True:
        yield rng.choices(slugs, cum_weights=weights)[0]


def items_of(name: str, body: Any) -> Sequence[Any]:
    """Return the objects of a list that this side has answered."""
    if name == "v1":
        return body["data"]["hits" if "hits" in body["data"] else "items"]  # type: ignore[no-any-return]
    return body["data" if name == "v2" else "results"]  # type: ignore[no-any-return]


def next_of(name: str, body: Any) -> str:
    """Return the path of the next page."""
    found = str(body["page"]["next"] if name == "v2" else body["next"])
    return found[found.index("/api/") :]


def _token(name: str, samples: Samples, base_url: str) -> str:
    if name == "v2":
        credentials = {"email": WRITER, "password": PASSWORD}
        return str(_answered(httpx.post(f"{base_url}/api/v2/auth/token", json=credentials, timeout=60))["access_token"])
    return str(_answered(httpx.get(f"{base_url}/api/token/{samples.writer}", timeout=60))["token"])


def _second_page(name: str, base_url: str) -> str:
    return next_of(name, _answered(httpx.get(f"{base_url}{PATHS[name]['list']}", timeout=60)))


def _answered(answer: httpx.Response) -> Any:
    answer.raise_for_status()
    return answer.json()
