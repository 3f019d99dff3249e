"""Hostile bodies for each operation of v1: the answer stays short, and time and memory grow with the body alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

import api_v1
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

DOCUMENT = json.loads((Path(api_v1.__file__).parent / "openapi.json").read_text(encoding="utf-8"))
LARGE = dict.fromkeys(("post /posts", "put /posts/{uuid}", "post /admin/posts"), 13 * MEGABYTE)
POST: dict[str, Any] = {
    "title": "A",
    "content": "b",
    "excerpt": "",
    "slug": "a",
    "published": False,
    "tags": [],
    "category": None,
    "featured_image": None,
    "meta_title": "",
    "meta_description": "",
}
MEMBERS: dict[str, dict[str, Any]] = {
    "post /posts": POST,
    "post /api-keys": {"name": "A", "permissions": ["read"]},
    "post /auth/register": {"username": "someone", "email": "a@example.com", "password": "x" * 12, "first_name": "A"},
}
OPERATIONS = [operation.replace("/api/v1", "") for operation in operations_of(DOCUMENT)]


@pytest.fixture
def send(admin: User, make_post: Any, client_of: Callable[[User], Client]) -> Send:
    client, post = client_of(admin), make_post()

    def send(operation: str, body: bytes) -> Any:
        method, _, path = operation.partition(" ")
        path = path.format(uuid=admin.pk if path.startswith("/users") else post.pk)
        return client.generic(method.upper(), f"/api/v1{path}", body, "application/json")

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


def test_no_text_is_rendered_under_a_lock(
    editor: User, make_post: Any, client_of: Callable[[User], Client], rendered_under_lock: list[bool]
) -> None:
    client, post = client_of(editor), make_post()
    rendered_under_lock.clear()
    body = {"title": "A", "content": "b", "published": True}
    assert client.post("/api/v1/posts", body, "application/json").status_code == 201
    assert client.put(f"/api/v1/posts/{post.pk}", body, "application/json").status_code == 200
    assert rendered_under_lock == [False, False]
