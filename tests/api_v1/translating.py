"""v1's requests and answers told in v2's words by the data of `successors` alone, as others read it who know no class of v1."""

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from canary.core.mapping import Declared, Difference, compare, counted, equivalent
from cms.models import Category, Comment, Tag, User

_DATA = import_module(settings.CANARY["SUCCESSORS"])
ROUTES, RULES, SHAPES, V2_ONLY, BODIES, EXAMPLES = (
    getattr(_DATA, name) for name in ("ROUTES", "RULES", "SHAPES", "V2_ONLY", "BODIES", "EXAMPLES")
)
DECLARED = Declared.of(_DATA)
GETS = [route for route in ROUTES if route["method"] == "GET" and route["call"] and route["answers"]]
QUERIES = {
    "/posts": (
        {},
        {"limit": "3"},
        {"limit": "500"},
        {"limit": "few"},
        {"sort": "title"},
        {"sort": "nonsense"},
        {"status": "published"},
        {"tag": "TAG"},
    ),
    "/admin/posts": ({}, {"status": "draft"}, {"status": "Published", "sort": "-title"}, {"author": "AUTHOR"}),
    "/users": ({}, {"role": "Author"}, {"active": "true", "role": "nobody"}),
    "/search": (
        *({"q": "the"}, {"q": "the", "sort_by": "title"}, {"q": "the", "sort_by": "title", "sort_order": "asc"}),
        *({"q": "the", "sort_order": "asc"}, {"q": "the", "limit": "2", "sort_by": "nonsense"}),
    ),
    "/search/suggest": ({"prefix": "a"}, {"prefix": "a", "limit": "2"}, {"prefix": "a", "limit": "99"}),
}


def route_of(source: str) -> Any:
    (found,) = (route for route in ROUTES if f"{route['method']} {route['path']}" == source)
    return found


def target_of(route: Any, values: dict[str, str], asked: dict[str, str], user: User | None = None) -> str:
    """The address of v2 for a request to v1 with these values in its path and this query."""
    found = equivalent(
        DECLARED,
        route["method"],
        route["path"].format(**values),
        urlencode(asked),
        has_credentials=user is not None,
        user_id=str(user.pk) if user else None,
    )
    assert found is not None
    return f"/api/v2{counted(DECLARED, found).target}"


def body_of(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The body of v2 for one of v1, without what is an action there."""
    translated: dict[str, Any] = {}
    for member in BODIES[name]:
        if member["v1"] in given and member["v2"]:
            *outer, last = member["v2"].split(".")
            place = translated
            for step in outer:
                place = place.setdefault(step, {})
            value = given[member["v1"]]
            place[last] = [value] if member["rule"] == "list_of_one" else value
    return translated


def differences(route: Any, v1: Any, v2: Any) -> list[Difference]:
    """What v2 tells otherwise than v1, after the declared mapping."""
    return compare(DECLARED, route, v1, v2)


def written(value: Any) -> bytes:
    """Fails on what isn't plain data."""
    return json.dumps(value).encode()


def requests_of(route: Any, user: User | None) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Values for the path and queries that have something to answer in the demo content."""
    post = Comment.objects.filter(status="published", post__status="published").order_by("pk")[0].post
    tag = Tag.objects.filter(usage_count__gt=0).order_by("slug")[0].slug
    named = {
        "/tags/{slug}": {"slug": tag},
        "/categories/{slug}": {"slug": Category.objects.order_by("slug")[0].slug},
        "/users/{uuid}": {"uuid": str(user.pk if user else post.author_id)},
    }
    values = named.get(route["path"], {"uuid": str(post.pk)})
    for query in QUERIES.get(route["path"], ({},)):
        yield values, {key: {"TAG": tag, "AUTHOR": str(post.author_id)}.get(text, text) for key, text in query.items()}
