"""GET /openapi.json: it names every route and verb and nothing else. `documented.py` holds each answer of v1 against it."""

import re
from typing import Any

import orjson
import pytest
from django.test import Client
from django.urls import get_resolver
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from cms.choices import Scope
from cms.models import Post
from tests.api_v1.documented import DOCUMENT, DocumentedClient, assert_documented

# Where a body of each schema is sent, and its required members. An email address has a form besides its length.
SENT: dict[str, tuple[str, str, dict[str, Any]]] = {
    "PostInput": ("post", "/api/v1/posts", {"title": "T", "content": "C"}),
    "UserChanges": ("put", "/api/v1/users/{user}", {}),
    "ApiKeyInput": ("post", "/api/v1/api-keys", {"name": "N", "permissions": ["posts:read"]}),
}
LENGTHS = [
    (schema, member, said["maxLength"])
    for schema in SENT
    for member, said in DOCUMENT["components"]["schemas"][schema]["properties"].items()
    if "maxLength" in said and member != "email"
]
VERBS = {"get", "head", "options", "post", "put", "delete", "patch", "trace"}


def routed() -> set[tuple[str, str]]:
    found = set()
    for pattern in get_resolver("api_v1.urls").url_patterns:
        path = "/api/v1" + re.sub(r"<str:(\w+)>", r"{\1}", str(pattern.pattern))
        view: Any = pattern.callback  # type: ignore[union-attr]
        found |= {(path, verb.lower()) for verb in view.cls().allowed_methods}
        if hasattr(view.cls, "get"):
            found.add((path, "head"))
    return found


def test_every_route_and_verb_is_in_it_and_nothing_else() -> None:
    documented = {(path, verb) for path, item in DOCUMENT["paths"].items() for verb in VERBS & item.keys()}
    assert documented == routed()
    assert len(documented) > 80


def test_it_is_served_bare_to_everybody(anonymous: Client) -> None:
    response = anonymous.get("/api/v1/openapi.json")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    assert response.content == orjson.dumps(DOCUMENT)
    assert response.json()["openapi"] == "3.1.0"
    assert anonymous.get("/api/v1/info").json()["documentation"] == "/api/v1/openapi.json"


def references(found: Any) -> set[str]:
    if isinstance(found, list):
        return {name for item in found for name in references(item)}
    if not isinstance(found, dict):
        return set()
    own = {found["$ref"]} if isinstance(found.get("$ref"), str) else set()
    return own | {name for value in found.values() for name in references(value)}


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    components = DOCUMENT["components"]
    named = {
        f"#/components/{kind}/{name}"
        for kind, found in components.items()
        if kind != "securitySchemes"
        for name in found
    }
    assert references(DOCUMENT) <= named
    assert named - references(DOCUMENT) == {"#/components/responses/MethodNotAllowed"}


def test_every_schema_is_one_and_every_operation_has_an_id_of_its_own() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    ids = [item[verb]["operationId"] for item in DOCUMENT["paths"].values() for verb in VERBS & item.keys()]
    assert len(ids) == len(set(ids))


def test_every_path_parameter_is_declared() -> None:
    for path, item in DOCUMENT["paths"].items():
        declared = {parameter["name"] for parameter in item.get("parameters", [])}
        assert declared == set(re.findall(r"{(\w+)}", path)), path


@pytest.mark.parametrize(
    "body", [b'{"success":true}', b'{"success":true,"data":null,"message":null,"error":null,"x":1}']
)
def test_an_answer_that_is_not_as_documented_is_noticed(body: bytes) -> None:
    headers = {"Content-Type": "application/json", "X-Request-ID": "1"}
    with pytest.raises(AssertionError, match="GET /api/v1/posts 200"):
        assert_documented("GET", "/api/v1/posts", 200, headers, body)
    with pytest.raises(AssertionError, match="documented are"):
        assert_documented("GET", "/api/v1/posts", 418, headers, body)
    with pytest.raises(AssertionError, match="no Retry-After"):
        assert_documented("GET", "/api/v1/posts", 429, headers, body)


def test_what_is_documented_as_required_is_what_is_refused(client_of: Any, author: Any) -> None:
    """The document's schemas of requests against the views: an example that fits is taken, one without a field refused."""
    client = client_of(author)
    schema = DOCUMENT["components"]["schemas"]["PostInput"]
    fitting = {"title": "T", "content": "C"}
    Draft202012Validator(schema).validate(fitting)
    assert client.post("/api/v1/posts", fitting, content_type="application/json").status_code == 201
    for name in schema["required"]:
        body = {key: value for key, value in fitting.items() if key != name}
        with pytest.raises(ValidationError):
            Draft202012Validator(schema).validate(body)
        assert client.post("/api/v1/posts", body, content_type="application/json").status_code == 422
    assert Post.objects.count() == 1


@pytest.mark.parametrize(("schema", "member", "length"), LENGTHS)
def test_a_text_may_be_as_long_as_documented_and_no_longer(
    schema: str, member: str, length: int, client_of: Any, author: Any, send: Any
) -> None:
    client, (method, path, required) = client_of(author), SENT[schema]
    for text, is_taken in (("a" * (length + 1), False), ("a" * length, True)):
        answer = send(client, method, path.format(user=author.pk), {**required, member: text})
        refused = [error["field"] for error in answer.json().get("validation_errors", [])]
        assert (answer.status_code < 300, refused) == (is_taken, [] if is_taken else [member])


def test_the_permissions_of_a_key_are_the_scopes_of_the_domain() -> None:
    for schema in ("ApiKeyInput", "ApiKey"):
        permissions = DOCUMENT["components"]["schemas"][schema]["properties"]["permissions"]
        assert permissions["items"]["enum"] == Scope.values


@pytest.mark.parametrize("path", sorted(DOCUMENT["paths"]))
def test_each_path_answers_each_verb_as_documented(path: str, db: None) -> None:
    """A verb that is documented is never 405, one that isn't always is, and OPTIONS names just these; HEAD is GET bare."""
    real = path.replace("{uuid}", "01900000-0000-7000-8000-000000000000").replace("{slug}", "no-such-slug")
    client, verbs = (
        DocumentedClient(headers={"authorization": "Bearer rubbish"}),
        VERBS & DOCUMENT["paths"][path].keys(),
    )
    options = client.options(real)
    assert options.status_code == 204
    assert set(options.headers["Allow"].lower().split(", ")) == verbs
    for verb in ("get", "post", "put", "delete", "patch"):
        answer = client.generic(verb.upper(), real, content_type="application/json")
        assert (answer.status_code == 405) == (verb not in verbs), verb
        if answer.status_code == 405:
            assert answer.headers["Allow"] == options.headers["Allow"]
    if "get" in verbs:
        got, head = DocumentedClient().get(real), DocumentedClient().head(real)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["Content-Type"] == got.headers["Content-Type"]
