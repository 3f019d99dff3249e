"""`If-Match` at every operation that the document says takes it: what was read before is no licence to change what is now."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.api_v2.places import Places
from tests.api_v2.sending import problem_of, send
from tests.api_v2.test_openapi import operations

IF_MATCH = {"$ref": "#/components/parameters/IfMatch"}
BODIES = {"set_user_role": {"role": "editor"}}
"""By operation; every other takes an empty object."""


def guarded() -> list[tuple[str, str, str]]:
    """Verb, path and id of all operations that document `If-Match`, or that they are refused for it."""
    return [
        (verb, path, operation["operationId"])
        for verb, path, operation in operations()
        if IF_MATCH in operation.get("parameters", []) or "412" in operation["responses"]
    ]


@pytest.fixture
def call(head: Client) -> Callable[..., Any]:
    def send_to(verb: str, path: str, name: str, etag: str | None) -> Any:
        body = "" if verb == "delete" else json.dumps(BODIES.get(name, {}))
        where, headers = f"/api/v2{path}", {} if etag is None else {"If-Match": etag}
        return head.generic(verb.upper(), where, body, content_type="application/json", headers=headers)

    return send_to


def test_there_are_many_of_them() -> None:
    assert len(guarded()) > 30


@pytest.mark.parametrize("stale", ['"0-stale"', '"stale"'])
@pytest.mark.parametrize(("verb", "path", "name"), guarded())
def test_a_stale_if_match_is_a_412_whose_etag_is_good_for_the_next_try(
    call: Callable[..., Any], places: Places, verb: str, path: str, name: str, stale: str
) -> None:
    place = places.of(verb, path)
    refused = call(verb, place, name, stale)
    assert problem_of(refused) == (412, "precondition-failed")
    again = call(verb, place, name, refused.headers["ETag"])
    assert again.status_code in (200, 201, 204), again.content


@pytest.mark.parametrize(("verb", "path", "name"), [case for case in guarded() if "/deliveries/" not in case[1]])
def test_the_etag_of_a_412_is_that_of_a_get(
    call: Callable[..., Any], head: Client, places: Places, verb: str, path: str, name: str
) -> None:
    place = places.of(verb, path)
    acts = place.partition("/actions/")[0]
    resource = acts if acts == place else acts.partition("/revisions/")[0]
    assert call(verb, place, name, '"0-stale"').headers["ETag"] == send(head, "get", resource).headers["ETag"]


@pytest.mark.parametrize(("verb", "path", "name"), guarded())
def test_where_it_is_required_a_change_without_it_is_a_428_and_an_action_is_done(
    call: Callable[..., Any], settings: Any, places: Places, verb: str, path: str, name: str
) -> None:
    place = places.of(verb, path)
    settings.REQUIRE_IF_MATCH = True
    answer = call(verb, place, name, None)
    if verb == "post":
        assert answer.status_code in (200, 201), answer.content
    else:
        assert problem_of(answer) == (428, "precondition-required")
        assert call(verb, place, name, "*").status_code in (200, 204)


def test_the_document_has_the_428_of_all_changes_and_of_no_action() -> None:
    documented = {(verb, path) for verb, path, operation in operations() if "428" in operation["responses"]}
    assert documented == {(verb, path) for verb, path, _ in guarded() if verb != "post"}


def test_ending_all_other_logins_needs_none(head: Client, settings: Any) -> None:
    settings.REQUIRE_IF_MATCH = True
    assert send(head, "delete", "/me/sessions").status_code == 204
