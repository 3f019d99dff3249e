"""Hostile queries and heads for each operation of v1: no answer costs more than was sent."""

import json
import time
from collections.abc import Callable
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
from tests.costs.asking import Ask, assert_headers_are_cheap, assert_parameters_are_cheap, assert_queries_are_cheap
from tests.costs.hostile_headers import OWN
from tests.costs.queries import QueryTests, Surface, ask_by
from tests.slow import slow

DOCUMENT: Final = json.loads((Path(api_v1.__file__).parent / "openapi.json").read_text(encoding="utf-8"))
ASKED: Final[dict[str, list[str]]] = {
    "get /posts": ["author", "limit", "page", "sort", "status", "tag"],
    "get /users": ["active", "role"],
    "get /search": ["offset", "q", "sort_by", "sort_order"],
    "get /search/suggest": ["prefix"],
}


@pytest.fixture
def ask(admin: User, make_post: Any, client_of: Callable[[User], Client]) -> Ask:
    client, post, now = client_of(admin), make_post(), clock.now()
    create_tag(actor=admin, fields={"name": "A"}, now=now)
    create_category(actor=admin, fields={"name": "A"}, now=now)

    def fill(path: str) -> str:
        return path.format(uuid=admin.pk if path.startswith("/users") else post.pk, slug="a")

    return ask_by(client, "/api/v1", fill)


@pytest.fixture
def deprecated(db: None) -> None:
    """Each answer of v1 then names its successor, with the parameters that v2 has."""
    now = clock.now()
    common = {"actor": "cli:test", "reason": "the end", "expected_version": None, "now": now}
    life.deprecate(sunset_at=int(time.time()) + 90 * 86_400, is_override=True, **common)
    store.refresh()


class TestV1(QueryTests):
    surface = Surface(DOCUMENT, ASKED)


@pytest.mark.parametrize("operation", ["get /posts", slow("get /search"), slow("get /tags/{slug}")])
def test_no_query_costs_more_where_the_answer_names_its_successor(operation: str, ask: Ask, deprecated: None) -> None:
    assert "Deprecation" in ask(operation, "limit=5", {}).headers
    assert_queries_are_cheap(ask, [operation])
    assert_parameters_are_cheap(ask, operation, next((ASKED[one] for one in ASKED if one == operation), ["a"]), step=3)


@pytest.mark.parametrize("operation", ["get /posts", slow("put /posts/{uuid}")])
def test_no_header_costs_more_than_its_size(operation: str, ask: Ask) -> None:
    assert_headers_are_cheap(ask, operation, OWN)
