"""Requests with long addresses through the proxy: each gets the answer of a web process, headers included."""

import http.client
import json
import re
import uuid
from typing import Any, Final

import pytest

from cms.limits import ADDRESS_MAX
from scripts.staging_local.ports import HOST
from tests.staging.site import Staging

NAMING: Final = ("link", "content-location", "location")
FILLERS: Final = ("a", "!", "{", "%C3%A9")
"""How often an address repeats them in a header: as often, escaped by `Link`, by all headers, and by `Location`."""


@pytest.fixture(scope="module")
def chosen(staging: Staging) -> tuple[str, str]:
    """Return ids and author of posts: three, and as many ids of none as a request may have."""
    posts = []
    with staging.client() as writer:
        writer.headers["X-API-Key"] = staging.author_key
        for number in range(3):
            made = writer.post("/api/v2/posts", json={"title": f"Found {number}", "content": "Text."})
            posts.append(writer.post(f"/api/v2/posts/{made.json()['id']}/actions/publish", json={}).json())
    ids = [post["id"] for post in posts] + [str(uuid.uuid4()) for _ in range(97)]
    return ",".join(ids), posts[0]["author"]


def ask(staging: Staging, server: str, address: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Return status, headers and JSON. The address is sent as it is."""
    connection = http.client.HTTPConnection(HOST, staging.stack.ports[server], timeout=60)
    connection.putrequest("GET", address)
    connection.putheader("API-Version", "2")
    connection.endheaders()
    answer = connection.getresponse()
    headers, body = {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return answer.status, headers, json.loads(body) if "json" in headers["content-type"] else {}


def assert_passed_on(staging: Staging, address: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    own, passed_on = (ask(staging, server, address) for server in ("web-1", "nginx"))
    assert passed_on[0] == own[0], (address[:40], passed_on[0], own[0])
    assert [passed_on[1].get(name) for name in NAMING] == [own[1].get(name) for name in NAMING]
    return passed_on


def filled(address: str, filler: str, less: int = 0) -> str:
    """Return the longest address that the web processes take, less some, and that ends with this again and again."""
    return address + filler * ((ADDRESS_MAX - less - len(address)) // len(filler))


def cursor_of(body: dict[str, Any]) -> str:
    return "&" + str(body["page"]["next"].rpartition("&")[2])


@pytest.mark.parametrize("base", ["/api/v2", "/api"])
def test_a_walk_through_as_many_ids_as_are_allowed(staging: Staging, chosen: tuple[str, str], base: str) -> None:
    address, titles = f"{base}/posts?limit=1&ids={chosen[0]}", []
    for relations in (["next"], ["next", "prev"], ["prev"]):
        status, headers, body = assert_passed_on(staging, address)
        assert (status, re.findall(r'rel="(\w+)"', headers["link"])) == (200, relations)
        titles += [post["title"] for post in body["data"]]
        address = (body["page"]["next"] or "").replace("/api/v2", base)
    assert sorted(titles) == ["Found 0", "Found 1", "Found 2"]


@pytest.mark.parametrize("filler", FILLERS)
def test_the_longest_addresses_get_the_answer_of_a_web_process(
    staging: Staging, chosen: tuple[str, str], filler: str
) -> None:
    for base in ("/api/v2", "/api"):
        address = f"{base}/posts?limit=1&author={chosen[1]},"
        status, _, body = assert_passed_on(staging, filled(address, filler))
        assert (status, body["page"]["has_more"]) == (200, True)
        # The page after the first has two links. A cursor belongs to one choice of authors.
        cursor = cursor_of(body)
        shorter = filled(address, filler, less=len(cursor))
        cursor = cursor_of(assert_passed_on(staging, shorter)[2])
        assert assert_passed_on(staging, shorter.replace("limit=1", f"limit=1{cursor}"))[0] == 200
    for path in ("/admin/", "/api/", "/api/v1/posts?tag=", "/api/v1/", "/", "/admin/?x=", "/api/v2/tags?x="):
        assert assert_passed_on(staging, filled(path, filler))[0] < 500
    assert assert_passed_on(staging, filled("/api/v2/posts?q=", filler) + filler * 6)[0] in (400, 414)
    logs = "".join(path.read_text(errors="replace") for path in (staging.stack.folder / "logs").glob("nginx*"))
    assert "upstream sent too big header" not in logs
