"""Hostile bodies for each operation of v2: the answer stays short, and time and memory grow with the body alone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from api_v2.openapi import document
from cms.models import User
from tests.costs.measuring import (
    MEGABYTE,
    SMALL,
    Send,
    assert_bounded,
    assert_shapes_are_cheap,
    assert_values_are_cheap,
    operations_of,
)
from tests.slow import slow

COMMENT = 184 * 1024
LARGE = {
    "post /posts": 13 * MEGABYTE,
    "patch /posts/{slug_or_id}": 13 * MEGABYTE,
    "post /posts/{slug_or_id}/comments": COMMENT,
    "patch /comments/{comment_id}": COMMENT,
    "post /media": 51 * MEGABYTE,
}
"""What takes more than others, by what it holds. A new operation takes 64 KB unless it is named here."""
POST: dict[str, Any] = {
    "title": "A",
    "content": "b",
    "slug": "a",
    "excerpt": "",
    "language": "en",
    "meta": {},
    "tags": [],
    "categories": [],
    "co_authors": [],
    "expires_at": None,
    "featured_image": None,
}
MEMBERS: dict[str, dict[str, Any]] = {
    "post /posts": POST,
    "post /posts/{slug_or_id}/comments": {"text": "A", "parent": None},
    "post /webhooks": {"url": "https://example.com/", "events": ["*"]},
    "post /api-keys": {"name": "A", "scopes": ["posts:read"], "contact_email": "a@example.com", "expires_at": None},
    "post /users": {"username": "someone", "email": "a@example.com", "password": "x" * 12, "display_name": "A"},
}
OPERATIONS = operations_of(document())


@pytest.fixture
def send(admin: User, client_of: Callable[[User], Client], ids: dict[str, Any]) -> Send:
    client = client_of(admin)

    def send(operation: str, body: bytes) -> Any:
        method, _, path = operation.partition(" ")
        path = path.format(slug_or_id=ids.get(path.split("/")[1]), **ids)
        content_type = "multipart/form-data; boundary=x" if path == "/media" else "application/json"
        return client.generic(method.upper(), f"/api/v2{path}", body, content_type)

    return send


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_operation_reads_more_than_it_can_use(operation: str, send: Send) -> None:
    assert_bounded(send, operation, LARGE.get(operation, SMALL))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_shape_of_a_body_costs_more_than_its_size(operation: str, send: Send) -> None:
    assert_shapes_are_cheap(send, operation, LARGE.get(operation, SMALL))


@pytest.mark.parametrize("most", [128 * 1024, slow(MEGABYTE)])
@pytest.mark.parametrize("operation", MEMBERS)
def test_no_value_costs_more_than_its_size(operation: str, most: int, send: Send) -> None:
    assert_values_are_cheap(send, operation, min(most, LARGE.get(operation, SMALL)), MEMBERS[operation])
