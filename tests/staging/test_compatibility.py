"""Clients of v1 and v2 who work on the same site through one proxy."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.staging.site import PASSWORD, Staging


@pytest.fixture
def writer(staging: Staging) -> Iterator[httpx.Client]:
    with staging.client() as client:
        client.headers["X-API-Key"] = staging.author_key
        yield client


def data_of(answer: httpx.Response, status: int = 200) -> Any:
    """What a v1 envelope holds."""
    assert answer.status_code == status, answer.text
    assert answer.json()["success"] is True
    return answer.json()["data"]


def test_a_post_written_by_v2_is_read_changed_and_deleted_by_v1(writer: httpx.Client, staging: Staging) -> None:
    made = writer.post("/api/v2/posts", json={"title": "Of the new one", "content": "Text."}).json()
    assert data_of(writer.get(f"/api/v1/posts/{made['id']}"))["title"] == "Of the new one"
    data_of(writer.put(f"/api/v1/posts/{made['id']}", json={"title": "Changed by the old one"}))
    assert writer.get(f"/api/v2/posts/{made['id']}").json()["title"] == "Changed by the old one"
    data_of(writer.delete(f"/api/v1/posts/{made['id']}"))
    assert staging.anonymous.get(f"/api/v1/posts/{made['id']}").status_code == 404
    assert staging.anonymous.get(f"/api/v2/posts/{made['id']}").status_code == 404


def test_a_post_written_by_v1_is_published_by_v2_and_seen_by_everybody(writer: httpx.Client, staging: Staging) -> None:
    made = data_of(writer.post("/api/v1/posts", json={"title": "Of the old one", "content": "Text."}), 201)
    assert staging.anonymous.get(f"/api/v1/posts/{made['id']}").status_code == 404
    published = writer.post(f"/api/v2/posts/{made['id']}/actions/publish", json={})
    assert published.status_code == 200, published.text
    assert data_of(staging.anonymous.get(f"/api/v1/posts/{made['id']}"))["title"] == "Of the old one"
    assert staging.anonymous.get(f"/api/v2/posts/{made['id']}").json()["title"] == "Of the old one"


def test_who_registers_at_one_version_signs_in_at_the_other(staging: Staging) -> None:
    body = {"username": "of_old_times", "email": "of_old_times@example.org", "password": PASSWORD}
    answer = staging.anonymous.post("/api/v1/auth/register", json=body)
    assert answer.status_code in (200, 201), answer.text
    token = staging.sign_in(body["email"], PASSWORD)
    with staging.client(token) as client:
        assert data_of(client.get("/api/v1/auth/profile"))["username"] == "of_old_times"
        assert client.get("/api/v2/me").json()["username"] == "of_old_times"


def test_the_entrance_answers_in_the_version_that_is_asked_for_and_names_its_address(staging: Staging) -> None:
    for version in ("1", "2"):
        answer = staging.anonymous.get("/api/posts", headers={"API-Version": version})
        assert answer.headers["API-Version"] == version
        assert answer.headers["Content-Location"].endswith(f"/api/v{version}/posts")
        assert ("success" in answer.json()) is (version == "1")
        assert staging.anonymous.get(answer.headers["Content-Location"]).status_code == 200


def test_an_unknown_version_is_refused_with_those_that_there_are(staging: Staging) -> None:
    answer = staging.anonymous.get("/api/posts", headers={"API-Version": "3"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


def test_a_walk_that_began_on_v2_goes_on_after_a_rollback(at_rest: Staging, writer: httpx.Client) -> None:
    for number in range(3):
        assert writer.post("/api/v2/posts", json={"title": f"Page {number}", "content": "Text."}).status_code == 201
    at_rest.set_weight(100)
    first = writer.get("/api/posts", params={"limit": 1, "status": "draft"})
    assert (first.status_code, first.headers["API-Version"]) == (200, "2")
    at_rest.canary("rollback")
    at_rest.await_rollout()
    following = writer.get(first.json()["page"]["next"])
    assert (following.status_code, following.headers["API-Version"]) == (200, "2")
    assert following.json()["data"][0]["id"] != first.json()["data"][0]["id"]


def test_answers_of_the_entrance_are_for_one_client_and_pinned_ones_may_be_shared(staging: Staging) -> None:
    split = staging.anonymous.get("/api/posts").headers
    assert {"private", "no-cache"} <= {word.strip() for word in split["Cache-Control"].split(",")}
    assert {"API-Version", "X-Client-Id", "Cookie"} <= {word.strip() for word in split["Vary"].split(",")}
    assert "private" not in staging.anonymous.get("/api/v2/posts").headers.get("Cache-Control", "")
