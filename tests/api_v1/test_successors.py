"""What each call of v1 is in v2: the data is complete, names nothing that isn't there, and is true of real answers."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from api_v1 import successors
from api_v2.migration_guide import template_key
from api_v2.openapi import document
from canary.successors import validate
from cms.models import Category, Post, User
from cms.seeding.demo import seed_demo
from cms.services.api_keys import create_api_key
from tests.api_v1 import translating
from tests.api_v1.documented import DOCUMENT
from tests.api_v1.documented import assert_documented as assert_documented_in_v1
from tests.api_v1.translating import (
    BODIES,
    EXAMPLES,
    GETS,
    ROUTES,
    RULES,
    SHAPES,
    V2_ONLY,
    differences,
    requests_of,
    route_of,
    target_of,
)
from tests.api_v2.documented import assert_documented as assert_documented_in_v2
from tests.slow import slow

SCHEMAS, PARAMETERS = DOCUMENT["components"]["schemas"], DOCUMENT["components"]["parameters"]
V1_SCHEMAS = {
    "post": "Post",
    "comment": "Comment",
    "tag": "Tag",
    "category": "Category",
    "user": "User",
    "api_key": "ApiKey",
    "page": "PageOfPost",
    "search": "SearchResults",
    "suggestions": "Suggestions",
}
V2_SCHEMAS = {**V1_SCHEMAS, "user": "Account", "page": "PostList", "tokens": "Tokens"}


def v1_calls() -> list[str]:
    return [
        f"{verb.upper()} {re.sub(r'<str:(\w+)>', r'{\1}', str(pattern.pattern))}"
        for pattern in get_resolver("api_v1.urls").url_patterns
        for verb in ("get", "post", "put", "patch", "delete")
        if hasattr(pattern.callback.cls, verb)
    ]


def v2_operation(request: Any) -> Any:
    """What v2's document, which is held against the routes, says of a request."""
    by_key = {template_key(path): item for path, item in document()["paths"].items()}
    return by_key[template_key(request["path"])][request["method"].lower()]


def last_part(reference: Any) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def v1_operation(route: Any) -> Any:
    return DOCUMENT["paths"][f"/api/v1{route['path']}"][route["method"].lower()]


def v1_body(route: Any) -> str | None:
    """Return the name of the schema of the request's body."""
    said = v1_operation(route).get("requestBody")
    return last_part(said["content"]["application/json"]["schema"]) if said else None


def names_in(schema: Any, schemas: Any, prefix: str = "") -> Iterator[str]:
    for name, said in schema["properties"].items():
        inner = schemas[last_part(said)] if "$ref" in said else said
        if name in ("meta", "metadata", "page") and "properties" in inner:
            yield from names_in(inner, schemas, f"{prefix}{name}.")
        elif name != "included":
            yield f"{prefix}{name}"


def test_every_path_and_verb_of_v1_has_exactly_one_entry() -> None:
    listed = [f"{route['method']} {route['path']}" for route in ROUTES]
    assert sorted(listed) == sorted(v1_calls())


def test_the_data_is_plain() -> None:
    for name in ("ROUTES", "RULES", "SHAPES", "V2_ONLY", "BODIES", "EXAMPLES"):
        assert translating.written(getattr(translating, name))


def test_there_is_an_equivalent_or_a_reason() -> None:
    gaps = {f"{route['method']} {route['path']}" for route in ROUTES if route["gap"]}
    assert gaps == {
        *("GET /health", "GET /health/liveness", "GET /health/readiness", "GET /csrf-token"),
        *("GET /search/stats", "POST /search/reindex"),
    }
    for route in ROUTES:
        assert (route["call"] is None) == bool(route["gap"]), route["path"]


def test_every_request_to_v2_is_an_operation_of_v2_and_its_parameters_are_taken() -> None:
    for route in ROUTES:
        for step in route["then"]:
            assert v2_operation(step)
        if route["call"] and route["call"]["path"]:
            operation = v2_operation(route["call"])
            taken = {parameter.get("name") for parameter in operation.get("parameters", [])}
            sent = {parameter["v2"] for parameter in route["parameters"] if parameter["v2"]}
            assert sent | set(route["call"]["query"]) | set(route["call"]["query_of_users"]) <= taken
            assert str(route["statuses"][1]) in operation["responses"]


def test_every_parameter_body_and_status_of_v1_is_told() -> None:
    for route in ROUTES:
        operation = v1_operation(route)
        if route["call"]:
            told = [parameter["v1"] for parameter in route["parameters"]]
            taken = [PARAMETERS[last_part(parameter)]["name"] for parameter in operation.get("parameters", [])]
            assert sorted(told) == sorted(taken), route["path"]
        statuses = [int(status) for status in operation["responses"] if status.startswith("2")]
        assert (route["body"], [route["statuses"][0]]) == (v1_body(route), statuses), route["path"]


def test_every_member_of_a_resource_is_told_from_both_sides() -> None:
    schemas = document()["components"]["schemas"]
    tokens = SCHEMAS["Session"]["properties"]["tokens"]
    for name, members in SHAPES.items():
        old = tokens if name == "tokens" else SCHEMAS[V1_SCHEMAS[name]]
        assert [member["v1"] for member in members] == list(names_in(old, SCHEMAS)), name
        told = {member["v2"] for member in members if member["v2"]}
        assert told.isdisjoint(V2_ONLY[name]), name
        assert told | set(V2_ONLY[name]) >= set(names_in(schemas[V2_SCHEMAS[name]], schemas)) - {"page.total"}, name


def test_every_member_of_a_body_is_told_and_taken() -> None:
    schemas = document()["components"]["schemas"]
    for route in ROUTES:
        if route["body"]:
            members = BODIES[route["body"]]
            assert {member["v1"] for member in members} == set(SCHEMAS[route["body"]]["properties"])
            name = last_part(v2_operation(route["call"])["requestBody"]["content"]["application/json"]["schema"])
            taken = set(names_in(schemas[name], schemas)) | {"meta.title", "meta.description"}
            assert {member["v2"] for member in members if member["v2"]} <= taken, route["path"]


def test_every_rule_is_explained_and_used() -> None:
    rows = [*(row for rows in (*SHAPES.values(), *BODIES.values()) for row in rows)]
    rows += [parameter for route in ROUTES for parameter in route["parameters"]]
    assert {row["rule"] for row in rows} == set(RULES)


@pytest.mark.parametrize("role", ["admin", slow(None)])
def test_the_equivalent_answers_with_the_same_resource(
    make_user: Callable[..., User], client_of: Callable[[User], Client], role: str | None
) -> None:
    seed_demo(password=None, now=timezone.now())
    user = make_user(role) if role else None
    if user:
        other = make_user("author")
        create_api_key(actor=other, owner=other, fields={"name": "K", "scopes": ["posts:read"]}, now=timezone.now())
        create_api_key(actor=user, owner=user, fields={"name": "K", "scopes": ["posts:read"]}, now=timezone.now())
    client = client_of(user) if user else Client()
    compared = 0
    for route in GETS:
        for values, asked in requests_of(route, user):
            old = client.get(f"/api/v1{route['path'].format(**values)}", asked)
            if old.status_code in (401, 403):
                continue
            target = target_of(route, values, asked, user)
            new = client.get(target)
            assert (old.status_code, new.status_code) == (200, 200), (target, new.content)
            assert not differences(route, old.json(), new.json()), target
            assert tells_something(old.json()["data"]), target
            compared += 1
    assert compared >= (12 if user is None else 22)


def tells_something(data: Any) -> bool:
    """Of an empty list it isn't seen whether it is mapped."""
    return bool(data.get("items", data.get("hits", data.get("suggestions", True))))


@pytest.mark.usefixtures("db")
def test_what_has_no_resource_is_answered_too() -> None:
    bare = [route for route in ROUTES if route["method"] == "GET" and route["call"] and not route["answers"]]
    assert [route["path"] for route in bare] == ["", "/info", "/openapi.json"]
    for route in bare:
        assert Client().get(target_of(route, {}, {})).status_code == 200


def test_a_post_created_by_both_ways_reads_the_same(
    author: User, client_of: Callable[[User], Client], make_category: Callable[..., Category], send: Callable[..., Any]
) -> None:
    make_category("Essays", slug="essays")
    client, route = client_of(author), route_of("POST /posts")
    given = {
        "title": "A",
        "content": "B",
        "tags": ["x", "y"],
        "category": "essays",
        "meta_title": "M",
        "published": True,
    }
    old = send(client, "post", "/api/v1/posts", given).json()["data"]
    made = send(client, "post", "/api/v2/posts", translating.body_of(route["body"], given))
    (step,) = route["then"]
    published = send(client, step["method"].lower(), f"/api/v2{step['path'].format(id=made.json()['id'])}")
    assert (made.status_code, published.status_code) == (201, 200)
    new = client.get(f"/api/v1/posts/{made.json()['id']}").json()["data"]
    own = ("id", "created_at", "updated_at", "published_at")
    assert {key: new[key] for key in new if key not in own} == {key: old[key] for key in old if key not in own}
    assert Post.objects.filter(status="published").count() == 2


def test_a_changed_user_reads_the_same(
    make_user: Callable[..., User], client_of: Callable[[User], Client], send: Callable[..., Any]
) -> None:
    admin, user = client_of(make_user("admin")), make_user("author")
    route, given = route_of("PUT /users/{uuid}"), {"first_name": "Mia", "role": "Editor"}
    path = route["call"]["path"].format(uuid=user.pk)
    assert send(admin, "patch", f"/api/v2{path}", translating.body_of(route["body"], given)).status_code == 200
    step = next(step for step in route["then"] if step["body"])
    assert send(admin, "post", f"/api/v2{step['path'].format(uuid=user.pk)}", {"role": "editor"}).status_code == 200
    read = admin.get(f"/api/v1/users/{user.pk}").json()["data"]
    assert {name: read[name] for name in given} == given


def test_deactivating_becomes_suspending_and_erases_nobody(
    make_user: Callable[..., User], client_of: Callable[[User], Client], send: Callable[..., Any]
) -> None:
    admin, user = client_of(make_user("admin")), make_user("author")
    call = route_of("DELETE /users/{uuid}")["call"]
    answer = send(admin, call["method"].lower(), f"/api/v2{call['path'].format(uuid=user.pk)}")
    user.refresh_from_db()
    assert (answer.status_code, user.is_active, user.deleted_at) == (200, False, None)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["title"] for example in EXAMPLES])
def test_an_example_is_what_the_contracts_say(example: Any) -> None:
    for version, is_documented in (("v1", assert_documented_in_v1), ("v2", assert_documented_in_v2)):
        exchange = example[version]
        method, _, address = exchange["request"].partition(" ")
        path = address.partition("?")[0].removeprefix("" if version == "v1" else "/api/v2")
        answer, status = exchange["answer"], exchange["status"]
        kind = "application/problem+json" if version == "v2" and status >= 400 else "application/json"
        is_documented(method, path, status, AnyHeader({"Content-Type": kind}), translating.written(answer))


class AnyHeader(dict[str, str]):
    """An example shows no headers, and those that every answer has are not its business."""

    def __contains__(self, name: object) -> bool:
        return True


def test_the_validator_of_the_library_finds_no_fault() -> None:
    assert validate(successors) == []
