"""Requests to API v2 with a body, and what its refusals say."""

from typing import Any

from django.test import Client

from tests.api_v2.walking import BASE


def send(client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """`send(client, "patch", "/me", {"bio": "x"})`: JSON below the pinned base; without a body nothing is sent."""
    data: dict[str, Any] = {}
    if method in ("post", "patch") or (method == "delete" and body is not None):
        data = {"data": b"" if body is None else body, "content_type": "application/json"}
    return getattr(client, method)(f"{BASE}{path}", **data, headers=headers)


def codes_of(answer: Any) -> list[tuple[str, str]]:
    """Pointer and code of each error of a refusal."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


def problem_of(answer: Any) -> tuple[int, str]:
    """Status and code of a refusal."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    return answer.status_code, answer.json()["type"].rpartition(":")[2]
