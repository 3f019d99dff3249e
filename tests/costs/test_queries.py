"""Hostile queries and heads for each operation of v2: no answer costs more than was sent."""

from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any, Final

import pytest
from django.test import Client

from api_v2.openapi import document
from cms.http.cors import REQUEST_HEADERS
from cms.models import User
from tests.costs.asking import (
    Ask,
    all_operations,
    as_read,
    assert_headers_are_cheap,
    assert_parameters_are_cheap,
    assert_queries_are_cheap,
    assert_whole_heads_are_cheap,
    by_subject,
    headers_read,
    parameters,
    unclassified_headers,
)
from tests.costs.hostile_headers import OWN
from tests.slow import slow

SUBJECTS: Final = by_subject(all_operations(document()))
PARAMETERS: Final = parameters(document(), "query")
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
"""Each parameter at one operation, or at more. A new one has to be named here; `make test-all` tries it everywhere."""


@pytest.fixture
def ask(admin: User, client_of: Callable[[User], Client], ids: Mapping[str, Any], settings: Any) -> Ask:
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1"), ip_network("10.0.0.0/8")]
    settings.CORS_ALLOWED_ORIGINS = ("https://*.example.org",)
    client = client_of(admin)

    def ask(operation: str, query: str, headers: Mapping[str, str]) -> Any:
        method, _, path = operation.partition(" ")
        path = path.format(slug_or_id=ids.get(path.split("/")[1]), **ids)
        meta = {as_read(name): value for name, value in headers.items()}
        kind = meta.pop("HTTP_CONTENT_TYPE", "application/json")
        return client.generic(method.upper(), f"/api/v2{path}", b"", kind, QUERY_STRING=query, **meta)

    return ask


def test_each_parameter_and_header_of_the_document_has_hostile_values() -> None:
    asked = {name: operation for operation, names in ASKED.items() for name in names}
    assert asked.keys() == PARAMETERS.keys()
    assert [name for name, operation in asked.items() if operation not in PARAMETERS[name]] == []
    assert unclassified_headers(document(), REQUEST_HEADERS) == set()


def test_each_header_that_is_read_has_hostile_values() -> None:
    assert headers_read() - {as_read(name) for name in OWN} == set()


@pytest.mark.parametrize("step", [5, slow(1)])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_query_costs_more_than_its_size(subject: str, step: int, ask: Ask) -> None:
    assert_queries_are_cheap(ask, SUBJECTS[subject], first=len(subject), step=step)


@pytest.mark.parametrize("operation", ASKED)
def test_no_value_of_a_parameter_costs_more_than_its_size(operation: str, ask: Ask) -> None:
    assert_parameters_are_cheap(ask, operation, ASKED[operation], step=3)


@pytest.mark.slow
@pytest.mark.parametrize("name", PARAMETERS)
def test_no_value_of_a_parameter_costs_more_anywhere(name: str, ask: Ask) -> None:
    for operation in PARAMETERS[name]:
        assert_parameters_are_cheap(ask, operation, [name])


@pytest.mark.parametrize(
    "operation", ["get /posts", slow("patch /posts/{slug_or_id}"), slow("get /media/{media_id}/content")]
)
def test_no_header_costs_more_than_its_size(operation: str, ask: Ask) -> None:
    assert_headers_are_cheap(ask, operation, OWN)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_head_costs_more_than_its_size(subject: str, ask: Ask) -> None:
    assert_whole_heads_are_cheap(ask, SUBJECTS[subject])
