"""What answers of API v2 have in common, asked for in one word."""

from typing import Any

import httpx


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem details of a refusal with this status and code."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["status"], body["type"]) == (status, status, f"urn:problem-type:tandem:{code}"), (
        body
    )
    assert body["request_id"] == answer.headers["X-Request-ID"]
    return body


def pointers(body: dict[str, Any]) -> dict[str, str]:
    """The code of each wrong place by its pointer."""
    return {error["pointer"]: error["code"] for error in body["errors"]}


def created(answer: httpx.Response, path: str) -> dict[str, Any]:
    """The new resource, which stands where Location says."""
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"/api/v2/{path}/{body['id']}"
    return body


def ok(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body
