"""GET /openapi.json: it names every route and verb and nothing else. That answers are as it says is held in `documented.py`:
each answer that any test of v2 gets from a test client."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from openapi_spec_validator import validate

from api_v2.errors import PROBLEMS
from api_v2.idempotency import NAMING
from api_v2.openapi import document
from api_v2.openapi.bodies import BODIES
from api_v2.openapi.operations import NOTES
from tests.api_v2.documented import assert_documented, body_validator

VERBS = {"get", "post", "put", "patch", "delete", "head", "options", "trace"}
SOME_ID = "01900000-0000-7000-8000-000000000000"


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document()["paths"].items():
        for verb in sorted(VERBS & item.keys()):
            yield verb, path, item[verb]


def routed() -> set[tuple[str, str]]:
    """HEAD is GET's and OPTIONS everywhere: the document says so once."""
    found = set()
    for pattern in get_resolver("api_v2.urls").url_patterns[:-1]:
        path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern))
        view: Any = pattern.callback  # type: ignore[union-attr]
        verbs = {verb.lower() for verb in view.cls().allowed_methods} - {"head", "options"}
        found |= {(verb, path) for verb in verbs}
    return found


def test_every_route_and_verb_is_in_it_and_nothing_else() -> None:
    documented = {(verb, path) for verb, path, _ in operations()}
    assert documented == routed()
    assert len(documented) > 80


def _nested(schema: Any, depth: int = 0, seen: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the members of objects within an answer's object. `included` is of GET alone."""
    if isinstance(schema, list):
        for each in schema:
            yield from _nested(each, depth, seen)
    if not isinstance(schema, dict):
        return
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    if name and name not in seen:
        yield from _nested(document()["components"]["schemas"][name], depth, (*seen, name))
    for member, value in schema.get("properties", {}).items():
        yield from [member] if depth else []
        yield from _nested(value if member != "included" else {}, depth + 1, seen)
    for word in ("items", "allOf", "anyOf", "oneOf"):
        yield from _nested(schema.get(word), depth + (word == "items"), seen)


def test_answers_that_are_stored_name_people_at_their_top_alone() -> None:
    """There `person_of` looks for whom a stored answer names."""
    answers = [
        content["schema"]
        for verb, _, operation in operations()
        for status, answer in operation["responses"].items()
        for content in answer.get("content", {}).values()
        if verb == "post" and status.startswith("2")
    ]
    assert len(answers) > 20
    assert not {member for schema in answers for member in _nested(schema)} & NAMING.keys()


def test_it_is_valid_openapi_3_1() -> None:
    assert document()["openapi"].startswith("3.1")
    validate(document())  # type: ignore[arg-type]


def test_it_is_served_to_everybody_and_kept_by_its_etag(client: Client) -> None:
    answer = client.get("/api/v2/openapi.json")
    assert answer.json() == document()
    again = client.get("/api/v2/openapi.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/api/v2/openapi.json", headers={"Authorization": "Bearer x"}).status_code == 401


def test_every_operation_has_an_id_of_its_own_and_says_how_it_is_refused() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))
    for verb, path, operation in operations():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation["operationId"])
        statuses = {status for status in operation["responses"] if int(status) >= 400}
        assert statuses == set(operation["x-problems"])
        for status, codes in operation["x-problems"].items():
            assert {PROBLEMS[code][0] for code in codes} == {int(status)}, (verb, path)


SUMMARY_VERBS = {
    "Discard",
    *(
        "Activate",
        "Apply",
        "Approve",
        "Archive",
        "Change",
        "Compare",
        "Create",
        "Delete",
        "Download",
        "End",
        "Find",
        "Get",
    ),
    *("List", "Mark", "Move", "Publish", "Refresh", "Register", "Reject", "Replay", "Request", "Restore", "Revoke"),
    *("Search", "Set", "Suggest", "Suspend", "Unpublish", "Upload", "Verify", "Write"),
}


def test_a_summary_is_a_verb_and_its_object_in_at_most_eight_words() -> None:
    summaries = [operation["summary"] for _, _, operation in operations()]
    for summary in summaries:
        verb, *words = summary.split()
        assert verb in SUMMARY_VERBS, summary
        assert 1 <= len(words) < 8, summary
        assert not summary.endswith("."), summary
    assert len(summaries) == len(set(summaries))
    assert {summary.split()[0] for summary in summaries} == SUMMARY_VERBS


def test_each_note_belongs_to_an_operation() -> None:
    assert NOTES.keys() <= {operation["operationId"] for _, _, operation in operations()}


def test_a_412_says_that_it_has_the_current_etag() -> None:
    documented = document()["components"]["responses"]["PreconditionFailed"]["headers"]
    assert documented["ETag"] == {"$ref": "#/components/headers/ETagOfChange"}


def test_every_code_of_a_problem_is_documented_somewhere() -> None:
    documented = {
        code for _, _, operation in operations() for codes in operation["x-problems"].values() for code in codes
    }
    # Of a verb that a path hasn't there is no operation; `refused` is for errors of the domain that have no code here.
    assert documented | {"method_not_allowed", "refused"} == set(PROBLEMS)


def references(found: Any) -> set[str]:
    if isinstance(found, list):
        return {name for item in found for name in references(item)}
    if not isinstance(found, dict):
        return set()
    own = {found["$ref"]} if isinstance(found.get("$ref"), str) else set()
    return own | {name for value in found.values() for name in references(value)}


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    components = document()["components"]
    named = {
        f"#/components/{kind}/{name}"
        for kind, found in components.items()
        if kind != "securitySchemes"
        for name in found
    }
    assert references(document()) <= named
    unused = named - references(document()) - {"#/components/responses/MethodNotAllowed"}
    assert not unused


def enums_in(found: Any, place: str) -> Iterator[str]:
    if isinstance(found, dict):
        if "enum" in found:
            yield place
        for name, value in found.items():
            yield from enums_in(value, f"{place}/{name}")
    elif isinstance(found, list):
        for value in found:
            yield from enums_in(value, place)


def test_every_enum_is_a_component_with_a_name() -> None:
    places = list(enums_in(document(), ""))
    assert len(places) > 25
    assert all(re.fullmatch(r"/components/schemas/[A-Z]\w+", place) for place in places), places


def test_every_parameter_of_a_path_is_declared() -> None:
    for path, item in document()["paths"].items():
        declared = {parameter["name"] for parameter in item.get("parameters", [])}
        assert declared == set(re.findall(r"{(\w+)}", path)), path


@pytest.mark.parametrize("name", sorted(BODIES))
def test_requests_are_closed_and_their_schemas_valid(name: str) -> None:
    Draft202012Validator.check_schema(BODIES[name])
    with pytest.raises(ValidationError, match="dditional"):
        body_validator(name).validate({"surely_unknown": 1})


@pytest.mark.parametrize(
    ("status", "headers", "body", "message"),
    [
        (200, {}, b'{"data":[]}', "page"),
        (200, {}, b'{"data":[],"page":{"next":null,"previous":null,"has_more":false,"limit":1},"x":1}', "'x' was"),
        (418, {}, b"{}", "documented are"),
        (429, {}, b'{"type":"urn:problem-type:tandem:rate-limited"}', "no Retry-After"),
        (400, {}, b'{"type":"urn:problem-type:tandem:malformed-json"}', "malformed_json is not documented"),
        (200, {"Content-Type": "text/html"}, b"", "is text/html"),
        (200, {"Retry-After": "1"}, b"{}", "has Retry-After, which is not documented"),
    ],
)
def test_an_answer_that_is_not_as_documented_is_noticed(
    status: int, headers: dict[str, str], body: bytes, message: str
) -> None:
    sent = {"Content-Type": "application/json", "X-Request-ID": "1", "API-Version": "2", "ETag": '"1"', **headers}
    with pytest.raises(AssertionError, match=message):
        assert_documented("GET", "/tags", status, sent, body)


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("path", sorted(document()["paths"]))
def test_each_path_answers_the_documented_verbs_and_no_other(path: str) -> None:
    real = re.sub(r"{\w+}", SOME_ID, path)
    client, verbs = Client(headers={"authorization": "Bearer rubbish"}), VERBS & document()["paths"][path].keys()
    allowed = client.options(f"/api/v2{real}").headers["Allow"].lower().split(", ")
    assert set(allowed) == verbs | {"options"} | ({"head"} if "get" in verbs else set())
    for verb in ("get", "post", "put", "patch", "delete"):
        answer = client.generic(verb.upper(), f"/api/v2{real}", content_type="application/json")
        assert (answer.status_code == 405) == (verb not in verbs), verb


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(("verb", "path"), [(verb, path) for verb, path, _ in operations()])
def test_what_needs_a_user_is_refused_to_nobody_else(verb: str, path: str) -> None:
    """401 to the anonymous exactly where the document names credentials as needed."""
    security = document()["paths"][path][verb]["security"]
    answer = Client().generic(
        verb.upper(), f"/api/v2{re.sub(r'{\w+}', SOME_ID, path)}", content_type="application/json"
    )
    is_refused = answer.status_code == 401
    assert is_refused == bool(security and {} not in security)
