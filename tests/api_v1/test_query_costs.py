"""Hostile queries and heads for each operation of v1: no answer costs more than was sent."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from django.test import Client

import api_v1
from canary.services import life
from canary.state import store
from cms import clock
from cms.models import User
from cms.services.categories import create_category
from cms.services.tags import create_tag
from tests.costs.asking import (
    Ask,
    all_operations,
    as_read,
    assert_headers_are_cheap,
    assert_parameters_are_cheap,
    assert_queries_are_cheap,
    assert_whole_heads_are_cheap,
    by_subject,
    parameters,
    unclassified_headers,
)
from tests.costs.hostile_headers import OWN
from tests.slow import slow

DOCUMENT: Final = json.loads((Path(api_v1.__file__).parent / "openapi.json").read_text(encoding="utf-8"))
SUBJECTS: Final = by_subject(all_operations(DOCUMENT))
PARAMETERS: Final = parameters(DOCUMENT, "query")
ASKED: Final[dict[str, list[str]]] = {
    "get /posts": ["author", "limit", "page", "sort", "status", "tag"],
    "get /users": ["active", "role"],
    "get /search": ["offset", "q", "sort_by", "sort_order"],
    "get /search/suggest": ["prefix"],
}
"""Each parameter at one operation, or at more. `make test-all` tries it everywhere."""


@pytest.fixture
def ask(admin: User, make_post: Any, client_of: Callable[[User], Client]) -> Ask:
    client, post, now = client_of(admin), make_post(), clock.now()
    create_tag(actor=admin, fields={"name": "A"}, now=now)
    create_category(actor=admin, fields={"name": "A"}, now=now)

    def ask(operation: str, query: str, headers: Mapping[str, str]) -> Any:
        method, _, path = operation.partition(" ")
        path = path.format(uuid=admin.pk if path.startswith("/users") else post.pk, slug="a")
        meta = {as_read(name): value for name, value in headers.items()}
        kind = meta.pop("HTTP_CONTENT_TYPE", "application/json")
        return client.generic(method.upper(), f"/api/v1{path}", b"", kind, QUERY_STRING=query, **meta)

    return ask


@pytest.fixture
def deprecated(db: None) -> None:
    """Each answer of v1 then names its successor, with the parameters that v2 has."""
    now = clock.now()
    common = {"actor": "cli:test", "reason": "the end", "expected_version": None, "now": now}
    life.deprecate(sunset_at=int(time.time()) + 90 * 86_400, is_override=True, **common)
    store.refresh()


def test_each_parameter_and_header_of_the_document_has_hostile_values() -> None:
    asked = {name: operation for operation, names in ASKED.items() for name in names}
    assert asked.keys() == PARAMETERS.keys()
    assert [name for name, operation in asked.items() if operation not in PARAMETERS[name]] == []
    assert unclassified_headers(DOCUMENT) == set()


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


@pytest.mark.parametrize("operation", ["get /posts", slow("get /search"), slow("get /tags/{slug}")])
def test_no_query_costs_more_where_the_answer_names_its_successor(operation: str, ask: Ask, deprecated: None) -> None:
    assert "Deprecation" in ask(operation, "limit=5", {}).headers
    assert_queries_are_cheap(ask, [operation])
    assert_parameters_are_cheap(ask, operation, next((ASKED[one] for one in ASKED if one == operation), ["a"]), step=3)


@pytest.mark.parametrize("operation", ["get /posts", slow("put /posts/{uuid}")])
def test_no_header_costs_more_than_its_size(operation: str, ask: Ask) -> None:
    assert_headers_are_cheap(ask, operation, OWN)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_head_costs_more_than_its_size(subject: str, ask: Ask) -> None:
    assert_whole_heads_are_cheap(ask, SUBJECTS[subject])
