"""What is asked of each server: the same of all, in each one's own words."""

import itertools
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx

from tests.bench.load import request
from tests.bench.servers import BenchServer

type Requests = Sequence[bytes] | Iterator[bytes]

CONTENT = "Water just off the boil, three minutes, and no sugar. " * 40


def endpoints_of(server: BenchServer, reader: "Samples", token: str) -> Mapping[str, Requests]:
    """The requests for each endpoint that the server has."""
    if server.name == "empty":
        return {"post_get": [request("/api/v2/posts/some")]}
    version = "v2" if server.name == "v2" else "v1"
    reads: dict[str, Requests] = {
        "post_get": [request(f"/api/{version}/posts/{pk}") for pk in reader.post_ids],
        "post_list": [request(f"/api/{version}/posts")],
        "tag_list": [request(f"/api/{version}/tags?limit=100")],
    }
    if server.name == "drf":
        return reads
    if version == "v2":
        reads["search"] = [request(f"/api/v2/search?q={word}") for word in reader.words]
    return reads if server.cache == "cold" else reads | _writes(version, reads, token)


def _writes(version: str, reads: Mapping[str, Requests], token: str) -> dict[str, Requests]:
    create = _create(version, token)
    login = {"email": "bench@example.org", "password": PASSWORD}
    users, tokens = ("users", "auth/token") if version == "v2" else ("auth/register", "auth/login")
    return {
        "create": create,
        "mixed": _mixed(itertools.cycle(reads["post_get"]), create),
        "register": (request(f"/api/{version}/{users}", _person()) for _ in itertools.count()),
        "login": [request(f"/api/{version}/{tokens}", login)],
    }


PASSWORD = "a long enough pass-phrase"


class Samples:
    """Posts that are there to be read, and words to be found in them."""

    def __init__(self, base_url: str) -> None:
        # Neither the newest, which every cache has, nor the oldest.
        listed = httpx.get(f"{base_url}/api/v1/posts?limit=100&page=7", timeout=60).json()["data"]["items"]
        self.post_ids = [post["id"] for post in listed]
        self.words = sorted({post["title"].split()[0].lower() for post in listed})[:20]


def _create(version: str, token: str) -> Iterator[bytes]:
    headers = {"Authorization": f"Bearer {token}"}
    path = f"/api/{version}/posts"
    for _ in itertools.count():
        yield request(path, {"title": f"Measured {secrets.token_hex(6)}", "content": CONTENT, "tags": ["Tea"]}, headers)


def _mixed(reads: Iterator[bytes], writes: Iterator[bytes]) -> Iterator[bytes]:
    """Nine reads to a write."""
    while True:
        yield from itertools.islice(reads, 9)
        yield next(writes)


def _person() -> dict[str, Any]:
    name = f"m_{secrets.token_hex(8)}"
    return {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
