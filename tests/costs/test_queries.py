"""Hostile queries and heads for each operation of v2: no answer costs more than was sent."""

from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any, Final

import pytest
from django.test import Client

from api_v2.openapi import document
from cms.http.cors import REQUEST_HEADERS
from cms.models import User
from tests.costs.asking import Ask, as_read, assert_headers_are_cheap, headers_read
from tests.costs.hostile_headers import OWN
from tests.costs.queries import QueryTests, Surface, ask_by
from tests.slow import slow

ASKED: Final[dict[str, list[str]]] = {
    "get /posts": ["author", "category", "count", "cursor", "fields", "ids", "include", "kind", "language", "limit"],
    "get /search": ["published_after", "published_before", "q", "sort", "status", "tag", "updated_after"],
    "get /posts/{slug_or_id}/revisions/{number}/diff": ["against"],
    "get /audit": ["action", "actor", "after", "before", "object"],
    "get /users": ["is_active", "role"],
    "get /api-keys": ["owner"],
    "get /sitemap.xml": ["part"],
    "get /redirects": ["path"],
    "get /comments": ["post"],
}


@pytest.fixture
def ask(admin: User, client_of: Callable[[User], Client], ids: Mapping[str, Any], settings: Any) -> Ask:
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1"), ip_network("10.0.0.0/8")]
    settings.CORS_ALLOWED_ORIGINS = ("https://*.example.org",)

    def fill(path: str) -> str:
        return path.format(slug_or_id=ids.get(path.split("/")[1]), **ids)

    return ask_by(client_of(admin), "/api/v2", fill)


class TestV2(QueryTests):
    surface = Surface(document(), ASKED, REQUEST_HEADERS)


def test_each_header_that_is_read_has_hostile_values() -> None:
    assert headers_read() - {as_read(name) for name in OWN} == set()


@pytest.mark.parametrize(
    "operation", ["get /posts", slow("patch /posts/{slug_or_id}"), slow("get /media/{media_id}/content")]
)
def test_no_header_costs_more_than_its_size(operation: str, ask: Ask) -> None:
    assert_headers_are_cheap(ask, operation, OWN)
