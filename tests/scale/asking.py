"""What is asked of each size: the endpoints, and requests drawn from what is there."""

import itertools
import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx
import psycopg

from tests.bench.calls import CONTENT, WORDS, Call
from tests.measuring.site import PASSWORD, PUBLIC, WRITER

DEEP_PAGE: Final = 10_000
PAGE: Final = 20
SAMPLES: Final = 40
DRAFTS: Final = 120
RFC_3339: Final = 'YYYY-MM-DD"T"HH24:MI:SS"Z"'


@dataclass(frozen=True)
class Endpoint:
    name: str
    requests: Iterator[Call]


def endpoints_of(base_url: str, database_url: str, token: str) -> list[Endpoint]:
    """Each with an endless row of requests, so that one answer is rarely asked for twice in a row."""
    found = _samples(database_url)
    with httpx.Client(base_url=base_url, timeout=120) as client:
        deep = list(_deep_pages(client))
        before = [ask(client, Call(path))["page"]["previous"] for path in deep]
        pages = found["public"][0] // PAGE
        drafts = [ask(client, _new_post(token))["id"] for _ in range(DRAFTS)]
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
        "v2 search, common word": [f"/api/v2/search?q={word}" for word in WORDS],
        "v2 search, rare word": [f"/api/v2/search?q={number}" for number in found["numbers"]],
        "v2 suggest": [f"/api/v2/search/suggest?q={word[:4]}" for word in WORDS],
        "v1 post get": [f"/api/v1/posts/{pk}" for pk in found["ids"]],
        "v1 list, first page": ["/api/v1/posts"],
        "v1 list, 10,000th page": [
            f"/api/v1/posts?page={min(DEEP_PAGE, pages - back)}" for back in range(SAMPLES // 2)
        ],
        "v1 tag page, common": [f"/api/v1/posts?tag={slug}" for slug in found["common_tags"]],
        "v1 tags": ["/api/v1/tags"],
        "v1 comments of a post": [f"/api/v1/posts/{pk}/comments" for pk in found["ids"]],
        "v1 search, common word": [f"/api/v1/search?q={word}" for word in WORDS],
    }
    own = {
        "v2 list, as an author": ["/api/v2/posts"],
        "v2 search, as an author": [f"/api/v2/search?q={word}" for word in WORDS],
        "v2 drafts, as an author": ["/api/v2/posts?status=draft"],
    }
    return [
        *(Endpoint(name, itertools.cycle([Call(path) for path in paths])) for name, paths in reads.items()),
        *(Endpoint(name, itertools.cycle([Call(path, None, token) for path in paths])) for name, paths in own.items()),
        Endpoint("v2 create", (_new_post(token) for _ in itertools.count())),
        Endpoint("v2 publish", _publishings(drafts, token)),
    ]


def ask(client: httpx.Client, call: Call) -> Any:
    headers = {"Authorization": f"Bearer {call.token}"} if call.token else {}
    answer = client.request(call.method, call.path, json=call.body, headers=headers)
    answer.raise_for_status()
    return answer.json()


def sign_in(base_url: str) -> str:
    with httpx.Client(base_url=base_url, timeout=120) as client:
        credentials = {"email": WRITER, "password": PASSWORD}
        return str(ask(client, Call("/api/v2/auth/token", credentials, method="POST"))["access_token"])


def _new_post(token: str) -> Call:
    body = {"title": f"Measured {secrets.token_hex(6)}", "content": CONTENT, "tags": ["coastal maps", "quiet tides"]}
    return Call("/api/v2/posts", body, token, "POST")


def _publishings(drafts: list[str], token: str) -> Iterator[Call]:
    """And taken back, when there are no more: a publication of its own each time."""
    while True:
        for action in ("publish", "unpublish"):
            yield from (Call(f"/api/v2/posts/{pk}/actions/{action}", {}, token, "POST") for pk in drafts)


def _deep_pages(client: httpx.Client) -> Iterator[str]:
    """The pages around the 10,000th (at fewer posts the last ones), walked to as any client would."""
    path: str | None = f"/api/v2/posts?limit={PAGE}&fields=id"
    passed, last = 0, []
    first_wanted = (DEEP_PAGE - SAMPLES // 2) * PAGE
    # The last full steps before the end are kept, for there may be no 10,000th page.
    while path and passed < first_wanted:
        wide = path.replace(f"limit={PAGE}", "limit=100") if first_wanted - passed >= 100 else path
        page = ask(client, Call(wide))
        passed += len(page["data"])
        path = page["page"]["next"]
        if path:
            path = path.replace("limit=100", f"limit={PAGE}")
            last.append(path)
    deep = last[-SAMPLES // 2 - 1 :] if path is None or passed < first_wanted else []
    while path and len(deep) < SAMPLES // 2:
        deep.append(path)
        path = ask(client, Call(path))["page"]["next"]
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
