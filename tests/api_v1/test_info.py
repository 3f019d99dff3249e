"""GET /api/v1 and /info."""

import pytest
from django.test import Client


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/info", "/api", "/api/info"])
def test_the_api_says_bare_what_it_is(path: str, anonymous: Client) -> None:
    body = anonymous.get(path).json()
    assert list(body) == ["api_version", "endpoints", "documentation", "status"]
    assert (body["api_version"], body["status"]) == ("v1", "stable")


def test_every_endpoint_that_is_listed_exists_and_knows_its_verb(anonymous: Client) -> None:
    endpoints = anonymous.get("/api/v1/info").json()["endpoints"]
    assert endpoints[0] == "GET /api/v1"
    assert {"POST /api/v1/posts", "GET /api/v1/posts/{uuid}/comments"} <= set(endpoints)
    for method, path in (endpoint.split(" ") for endpoint in endpoints):
        response = anonymous.options(path)
        assert method in response.headers["Allow"].split(", "), path


def test_pinned_paths_and_the_entrance_answer_the_same(anonymous: Client) -> None:
    pinned, entrance = anonymous.get("/api/v1/posts"), anonymous.get("/api/posts")
    assert pinned.status_code == entrance.status_code == 200
    assert pinned.content == entrance.content
