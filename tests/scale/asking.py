"""What is asked of each size: the endpoints, and requests drawn from what is there."""

import http.client
import itertools
import json
import random
import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import psycopg

from tests.scale.databases import AUTHOR, PASSWORD, ScaleError
from tests.servers import HOST

DEEP_PAGE: Final = 10_000
PAGE: Final = 20
SAMPLES: Final = 40
DRAFTS: Final = 120
PUBLIC: Final = "status = 'published' AND visibility = 'public' AND kind = 'post' AND published_at <= now()"
RFC_3339: Final = 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
CONTENT: Final = "Water just off the boil, three minutes, and no sugar. " * 40
# Of some posts at this size, however large it is: the same share of them all, or the same number.
COMMON_WORDS: Final = ("maps", "quiet", "gardens", "coastal")


class Asked(NamedTuple):
    method: str
    path: str
    body: Mapping[str, Any] | None = None


@dataclass
class Client:
    """One connection that is kept, anonymous or with a token."""

    port: int
    token: str = ""

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection(HOST, self.port, timeout=120)

    def ask(self, asked: Asked) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        body = None if asked.body is None else json.dumps(asked.body)
        if body is not None:
            headers["Content-Type"] = "application/json"
        self._connection.request(asked.method, asked.path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if not 200 <= answer.status < 300:
            raise ScaleError(f"{asked.method} {asked.path}: {answer.status} {text[:500].decode(errors='replace')}")
        return text

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True)
class Endpoint:
    name: str
    requests: Iterator[Asked]
    is_signed_in: bool = False


def endpoints_of(port: int, database_url: str, token: str) -> list[Endpoint]:
    """Each with an endless row of requests, so that one answer is rarely asked for twice in a row."""
    found = _samples(database_url)
    with closing(Client(port)) as reader, closing(Client(port, token)) as author:
        deep = list(_deep_pages(reader))
        before = [json.loads(reader.ask(Asked("GET", path)))["page"]["previous"] for path in deep]
        pages = found["public"][0] // PAGE
        drafts = [json.loads(author.ask(_new_post()))["id"] for _ in range(DRAFTS)]
    reads = {
        "v2 post get": [f"/api/v2/posts/{pk}" for pk in found["ids"]],
        "v2 post get by slug": [f"/api/v2/posts/{slug}" for slug in found["slugs"]],
        "v2 list, first page": ["/api/v2/posts"],
        "v2 list, 10,000th page": deep,
        "v2 list, backwards from there": before,
        "v2 list, last updated": ["/api/v2/posts?sort=-updated_at"],
        "v2 list, updated since": [f"/api/v2/posts?updated_after={found['updated'][0]}&sort=updated_at"],
        "v2 list, by title": ["/api/v2/posts?sort=title"],
        "v2 list, rare language": [f"/api/v2/posts?language={language}" for language in found["rare_languages"]],
        "v2 list, common language": [f"/api/v2/posts?language={found['common_language'][0]}"],
        "v2 tag page, common": [f"/api/v2/posts?tag={slug}" for slug in found["common_tags"]],
        "v2 tag page, rare": [f"/api/v2/posts?tag={slug}" for slug in found["rare_tags"]],
        "v2 category page": [f"/api/v2/posts?category={slug}" for slug in found["categories"]],
        "v2 author page": [f"/api/v2/posts?author={pk}" for pk in found["authors"]],
        "v2 tags": ["/api/v2/tags"],
        "v2 comments of a post": [f"/api/v2/posts/{pk}/comments" for pk in found["ids"]],
        "v2 feed": ["/api/v2/feed.atom"],
        "v2 search, common word": [f"/api/v2/search?q={word}" for word in COMMON_WORDS],
        "v2 search, rare word": [f"/api/v2/search?q={number}" for number in found["numbers"]],
        "v2 suggest": [f"/api/v2/search/suggest?q={word[:4]}" for word in COMMON_WORDS],
        "v1 post get": [f"/api/v1/posts/{pk}" for pk in found["ids"]],
        "v1 list, first page": ["/api/v1/posts"],
        "v1 list, 10,000th page": [
            f"/api/v1/posts?page={min(DEEP_PAGE, pages - back)}" for back in range(SAMPLES // 2)
        ],
        "v1 tag page, common": [f"/api/v1/posts?tag={slug}" for slug in found["common_tags"]],
        "v1 tags": ["/api/v1/tags"],
        "v1 comments of a post": [f"/api/v1/posts/{pk}/comments" for pk in found["ids"]],
        "v1 search, common word": [f"/api/v1/search?q={word}" for word in COMMON_WORDS],
    }
    own = {
        "v2 list, as an author": (Asked("GET", "/api/v2/posts") for _ in itertools.count()),
        "v2 search, as an author": itertools.cycle([Asked("GET", f"/api/v2/search?q={word}") for word in COMMON_WORDS]),
        "v2 drafts, as an author": (Asked("GET", "/api/v2/posts?status=draft") for _ in itertools.count()),
        "v2 create": (_new_post() for _ in itertools.count()),
        "v2 publish": _publishings(drafts),
    }
    return [
        *(Endpoint(name, itertools.cycle([Asked("GET", path) for path in paths])) for name, paths in reads.items()),
        *(Endpoint(name, requests, is_signed_in=True) for name, requests in own.items()),
    ]


def sign_in(port: int) -> str:
    with closing(Client(port)) as client:
        credentials = {"email": AUTHOR, "password": PASSWORD}
        return str(json.loads(client.ask(Asked("POST", "/api/v2/auth/token", credentials)))["access_token"])


def _new_post() -> Asked:
    body = {"title": f"Measured {secrets.token_hex(6)}", "content": CONTENT, "tags": ["coastal maps", "quiet tides"]}
    return Asked("POST", "/api/v2/posts", body)


def _publishings(drafts: list[str]) -> Iterator[Asked]:
    """And taken back, when there are no more: a publication of its own each time."""
    while True:
        for action in ("publish", "unpublish"):
            yield from (Asked("POST", f"/api/v2/posts/{pk}/actions/{action}", {}) for pk in drafts)


def _deep_pages(client: Client) -> Iterator[str]:
    """The pages around the 10,000th (at fewer posts the last ones), walked to as any client would."""
    path: str | None = f"/api/v2/posts?limit={PAGE}&fields=id"
    passed, last = 0, []
    first_wanted = (DEEP_PAGE - SAMPLES // 2) * PAGE
    # The last full steps before the end are kept, for there may be no 10,000th page.
    while path and passed < first_wanted:
        wide = path.replace(f"limit={PAGE}", "limit=100") if first_wanted - passed >= 100 else path
        page = json.loads(client.ask(Asked("GET", wide)))
        passed += len(page["data"])
        path = page["page"]["next"]
        if path:
            path = path.replace("limit=100", f"limit={PAGE}")
            last.append(path)
    deep = last[-SAMPLES // 2 - 1 :] if path is None or passed < first_wanted else []
    while path and len(deep) < SAMPLES // 2:
        deep.append(path)
        path = json.loads(client.ask(Asked("GET", path)))["page"]["next"]
    return (one.replace("&fields=id", "") for one in deep)


def _samples(database_url: str) -> dict[str, list[Any]]:
    rng = random.Random(1)
    statements = {
        "public": f"SELECT count(*) FROM cms_post WHERE {PUBLIC}",
        "authors": f"SELECT DISTINCT author_id::text FROM cms_post WHERE {PUBLIC} AND slug LIKE 'sample-%'",
        "updated": f"SELECT to_char(max(updated_at) AT TIME ZONE 'UTC', {RFC_3339!r}) FROM cms_post WHERE {PUBLIC}",
        "rare_languages": f"SELECT language FROM cms_post WHERE {PUBLIC} GROUP BY 1 HAVING count(*) < 100 ORDER BY 1",
        "common_language": f"SELECT language FROM cms_post WHERE {PUBLIC} GROUP BY 1 ORDER BY count(*) DESC LIMIT 1",
        "common_tags": "SELECT slug FROM cms_tag ORDER BY usage_count DESC LIMIT 5",
        "rare_tags": "SELECT t.slug FROM cms_tag t WHERE usage_count > 20 ORDER BY usage_count LIMIT 5",
        "categories": "SELECT slug FROM cms_category WHERE is_active ORDER BY post_count DESC LIMIT 5",
    }
    with psycopg.connect(database_url) as connection:
        found = {name: [row[0] for row in connection.execute(sql).fetchall()] for name, sql in statements.items()}  # type: ignore[call-overload]
        # The tenth, twentieth and so on are hidden.
        drawn = rng.sample(range(1, found["public"][0]), 2 * SAMPLES)
        slugs = [f"sample-1-{number}" for number in drawn if number % 10][:SAMPLES]
        statement = f"SELECT id::text, slug FROM cms_post WHERE slug = ANY(%s) AND {PUBLIC}"
        rows = connection.execute(statement, [slugs]).fetchall()  # type: ignore[call-overload]
    found["ids"], found["slugs"] = [row[0] for row in rows], [row[1] for row in rows]
    found["numbers"] = [slug.rpartition("-")[2] for slug in found["slugs"]]
    return found
