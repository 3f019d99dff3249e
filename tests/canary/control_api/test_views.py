"""`/canary/api/…` over HTTP: every credential, every verb, and everything it refuses."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import OperationalError, connection
from django.test import Client

from canary.core.permissions import SCOPES
from canary.models import Rollout, RolloutEvent
from canary.verbs.declaring import Verb
from canary.verbs.registry import all_verbs
from cms.models import ApiKey, User

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
WHY = {"reason": "for the test"}


@pytest.fixture
def api(admin: User, client_of: ClientOf) -> Client:
    return client_of(admin)


def send(client: Client, verb: str, **members: Any) -> Any:
    return client.post(f"/canary/api/{verb}", json.dumps({**WHY, **members}), content_type="application/json")


def is_problem(response: Any, status: int, code: str) -> bool:
    told = response.json()
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/problem+json"), told
    assert response.headers["Cache-Control"] == "no-store"
    assert told["instance"] == response.request["PATH_INFO"]
    return bool(told["status"] == status and told["type"] == f"urn:problem-type:tandem:{code}")


def test_a_change_answers_with_the_status_object(api: Client, admin: User) -> None:
    changed = send(api, "set", percent=12.5, expected_version=0)
    assert (changed.status_code, changed.headers["Cache-Control"]) == (200, "no-store")
    assert (changed.json()["version"], changed.json()["weight_bp"]) == (1, 1_250)
    assert changed.json().keys() == api.get("/canary/api/status").json().keys()
    event = RolloutEvent.objects.get()
    assert (event.actor, event.reason) == (f"user:{admin.pk}", "for the test")
    (told,) = api.get("/canary/api/history").json()["events"]
    assert (told["actor"], told["actor_name"]) == (event.actor, "chief")


def test_every_verb_is_reached_with_the_options_of_the_command_line(api: Client) -> None:
    plan = send(api, "start", plan=[10, 50, "100"], min_minutes=0.5, fresh_cohort=True, expected_version=0).json()
    assert (plan["plan"]["steps_bp"], plan["plan"]["min_s"]) == ([1_000, 5_000, 10_000], 30)
    assert send(api, "pause", expected_version=1).json()["plan"]["state"] == "paused"
    assert send(api, "resume", expected_version=2).json()["plan"]["state"] == "running"
    assert send(api, "promote", expected_version=3).json()["weight_bp"] == 5_000
    assert send(api, "allow/add", identity="user:7", expected_version=4).json()["version"] == 5
    assert send(api, "allow", action="remove", identity="user:7", expected_version=5).json()["version"] == 6
    assert send(api, "exclude", action="add", identity="user:7", expected_version=6).json()["version"] == 7
    assert send(api, "rollback").json()["latched"]
    assert not send(api, "ack", expected_version=8).json()["latched"]


def test_a_plan_declares_its_limits(api: Client) -> None:
    plan = send(api, "start", max_errors=0.5, max_slowdown="2.5", expected_version=0).json()["plan"]
    assert (plan["max_errors_bp"], plan["max_slowdown"]) == (50, 2.5)
    assert (plan["max_crashes"], plan["max_refusals_bp"], plan["total_failure_bp"]) == (2, 500, 9_000)
    faulty = {"max_errors": 0, "max_slowdown": 1, "max_crashes": -1, "max_refusals": 0, "total_failure": 49}
    refused = send(api, "start", **faulty, expected_version=1)
    assert refused.status_code == 422
    assert {error["pointer"] for error in refused.json()["errors"]} == {f"/{name}" for name in faulty}


def test_questions_are_answered_to_get(api: Client) -> None:
    send(api, "exclude/add", identity="client:a:b", expected_version=0)
    assert api.get("/canary/api/explain?identity=client:a:b&salt=x").json()["reason"] == "exclude"
    assert api.get("/canary/api/whatif?percent=100").json()["moves"]["to_v1"] == {"count": 0, "ids": []}
    assert api.get("/canary/api/exclude/list").json()["entries"][0]["identity"] == "client:a:b"
    assert api.get("/canary/api/exclude?action=list").json()["list"] == "exclude"
    told = api.get("/canary/api/history?verify=true&limit=5").json()
    assert (len(told["events"]), told["chain"]["is_whole"]) == (1, True)


def test_a_change_of_something_else_than_was_read_is_409_with_what_there_is(api: Client) -> None:
    send(api, "set", percent=5, expected_version=0)
    lost = send(api, "set", percent=6, expected_version=0)
    assert is_problem(lost, 409, "version-conflict")
    assert (lost.json()["current"]["version"], lost.json()["current"]["weight_bp"]) == (1, 500)
    assert send(api, "rollback", expected_version=0).json()["latched"]  # never loses a race
    latched = send(api, "set", percent=6, expected_version=2)
    assert is_problem(latched, 409, "latched")
    assert latched.json()["current"]["latched"]


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"percent": 5}, "/expected_version"),
        ({"percent": 5, "expected_version": None}, "/expected_version"),
        ({"percent": 5, "expected_version": 1.5}, "/expected_version"),
        ({"expected_version": 0}, "/percent"),
        ({"percent": 100.01, "expected_version": 0}, "/percent"),
        ({"percent": "5 %", "expected_version": 0}, "/percent"),
        ({"percent": True, "expected_version": 0}, "/percent"),
        ({"percent": [5], "expected_version": 0}, "/percent"),
        ({"percent": 5, "expected_version": 0, "reason": ""}, "/reason"),
        ({"percent": 5, "expected_version": 0, "reason": 5}, "/reason"),
        ({"percent": 5, "expected_version": 0, "reason": "\ud800"}, "/reason"),
        ({"percent": 5, "expected_version": 0, "weight/bp": 5}, "/weight~1bp"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_members_that_are_missing_wrong_or_unknown_are_422(api: Client, members: Any, pointer: str) -> None:
    refused = send(api, "set", **members)
    assert is_problem(refused, 422, "invalid-input")
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert not Rollout.objects.exists()


@pytest.mark.parametrize(
    ("verb", "member", "text"),
    [
        ("start", "at", "9999-12-31T23:59-12:00"),
        ("start", "at", "0001-01-01T00:00+12:00"),
        ("start", "at", "2026-12-02T00:00\0"),
        ("start", "freezes", "2026-12-02T00:00\0/2026-12-03"),
        ("start", "freezes", "2026-12-02/9999-12-31T23:59-12:00"),
        ("start", "freezes", ",".join(["Fri 12:00/Mon 08:00"] * 2_502)),
        ("start", "time_zone", "Europe/Berlin\0"),
        ("lifecycle/deprecate", "sunset", "2099-12-02T00:00\0"),
        ("lifecycle/deprecate", "sunset", "0001-01-01T00:00+12:00"),
        ("lifecycle/brownout/add", "from", "9999-12-31T23:59-12:00"),
        ("lifecycle/brownout/add", "to", "2099-12-02T00:00\0"),
        ("lifecycle/extend", "until", "2099-12-02T00:00\0"),
    ],
)
def test_a_date_that_no_calendar_or_database_holds_is_422_in_one_sentence(
    api: Client, verb: str, member: str, text: str
) -> None:
    more = {
        "lifecycle/brownout/add": {"from": "2099-01-01", "to": "2099-01-02"},
        "lifecycle/extend": {"consumer": "key:a"},
    }
    refused = send(api, verb, **{**more.get(verb, {}), member: text, "expected_version": 0})
    assert is_problem(refused, 422, "invalid-input")
    (error,) = refused.json()["errors"]
    assert (error["pointer"], error["message"].count(". ")) == (f"/{member}", 0)
    assert api.get("/canary/api/explain", {"identity": "user:1", "at": "2026-12-01T00:00\0"}).status_code == 400


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ("[1]", "application/json", 400),
        ('{"percent": 5, "percent": 50}', "application/json", 400),
        ('{"percent": NaN}', "application/json", 400),
        ("[" * 30_000, "application/json", 400),
        (b"\xff", "application/json", 400),
        ("percent=5", "application/x-www-form-urlencoded", 415),
        ('{"reason": "' + "x" * 65_536 + '"}', "application/json", 413),
    ],
    ids=["cut", "array", "twice", "nan", "deep", "bytes", "form", "large"],
)
def test_a_body_that_is_none_is_refused(api: Client, body: Any, content_type: str, status: int) -> None:
    response = api.post("/canary/api/set", body, content_type=content_type)
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("query", ["percent=5&percent=6", "percent=5&weight=6", "", "percent=x"])
def test_query_parameters_are_known_and_stand_once(api: Client, query: str) -> None:
    assert is_problem(api.get(f"/canary/api/whatif?{query}"), 400, "invalid-parameter")


def test_unknown_paths_are_404_and_other_methods_405(api: Client) -> None:
    for path in ("no-such-verb", "status/", "status/more", "", "allow/add/more", "no-such-verb?format=json"):
        assert is_problem(api.get(f"/canary/api/{path}"), 404, "not-found")
    for method, path, allowed in (
        *(("GET", "set", "POST"), ("POST", "status", "GET, HEAD"), ("PUT", "rollback", "POST")),
        *(("DELETE", "allow", "GET, HEAD, POST"), ("OPTIONS", "status", "GET, HEAD")),
    ):
        response = api.generic(method, f"/canary/api/{path}")
        assert is_problem(response, 405, "method-not-allowed")
        assert response.headers["Allow"] == allowed
    assert api.head("/canary/api/status").status_code == 200
    assert send(api, "allow", action="burn").status_code == 422


def test_whoever_is_unknown_is_401_whatever_is_asked() -> None:
    for path in ("status", "set", "no-such-verb"):
        response = Client().get(f"/canary/api/{path}")
        assert is_problem(response, 401, "authentication-required")
        assert response.headers["WWW-Authenticate"] == "Bearer"
    assert is_problem(send(Client(), "rollback"), 401, "authentication-required")
    bad_token = Client(headers={"authorization": "Bearer x"}).get("/canary/api/status")
    assert is_problem(bad_token, 401, "invalid-token")
    assert bad_token.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert is_problem(Client(headers={"x-api-key": "x"}).get("/canary/api/status"), 401, "invalid-api-key")
    assert is_problem(
        Client(headers={"x-api-key": "x", "authorization": "Bearer x"}).get("/canary/api/status"), 400, "bad-request"
    )


def offered() -> dict[tuple[str, ...], Verb]:
    return {words: verb for words, verb in all_verbs().items() if not verb.is_local}


def test_a_verb_of_the_command_line_alone_is_not_found(admin: User) -> None:
    """`doctor` asks any address, `replay` computes for long, `debt` names drafts, and `shadow-writes` reads a file."""
    local = {words for words, verb in all_verbs().items() if verb.is_local}
    assert local == {("doctor",), ("replay",), ("debt",), ("shadow-writes",)}
    client = Client()
    client.force_login(admin)
    for [word] in local:
        assert is_problem(client.get(f"/canary/api/{word}"), 404, "not-found")


@pytest.mark.parametrize("role", ["subscriber", "author", "editor"])
def test_roles_below_admin_may_nothing_unless_they_are_given_it(
    make_user: Callable[..., User], client_of: ClientOf, role: str
) -> None:
    client = client_of(make_user(role))
    for words, verb in offered().items():
        path = "/".join(words)
        response = send(client, path) if verb.is_change else client.get(f"/canary/api/{path}")
        assert is_problem(response, 403, "permission-denied"), words
    assert not Rollout.objects.exists()


@pytest.mark.parametrize("permission", SCOPES)
def test_a_permission_opens_its_verbs_and_no_others(
    make_user: Callable[..., User], client_of: ClientOf, permission: str
) -> None:
    user = make_user("subscriber")
    user.user_permissions.add(Permission.objects.get(content_type__app_label="canary", codename=permission[7:]))
    client = client_of(user)
    for words, verb in offered().items():
        path = "/".join(words)
        # Without options: who may use it is told that some are missing, or is answered.
        response = client.post(f"/canary/api/{path}") if verb.is_change else client.get(f"/canary/api/{path}")
        assert (response.status_code == 403) == (verb.permission != permission), words


def test_a_session_needs_the_proof_against_forgery(admin: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin)
    assert browser.get("/canary/api/status").status_code == 200
    assert is_problem(send(browser, "rollback"), 403, "csrf-failed")
    assert not Rollout.objects.exists()
    browser.get("/admin/")
    browser.defaults["HTTP_X_CSRFTOKEN"] = browser.cookies["csrftoken"].value
    assert send(browser, "rollback").json()["latched"]


def test_a_key_needs_the_scope_of_the_verb_and_acts_in_its_owners_name(
    admin: User, make_key: Callable[..., tuple[str, str]]
) -> None:
    prefix, raw_key = make_key(admin, "rollout:read", "rollout:rollback")
    client = Client(headers={"x-api-key": raw_key})
    assert client.get("/canary/api/status").status_code == 200
    assert ApiKey.objects.get().last_used_at is not None
    assert is_problem(send(client, "set", percent=5, expected_version=0), 403, "insufficient-scope")
    assert is_problem(send(client, "allow", action="add", identity="user:1"), 403, "insufficient-scope")
    assert send(client, "rollback").json()["latched"]
    assert RolloutEvent.objects.get().actor == f"key:{prefix} user:{admin.pk}"
    (event,) = client.get("/canary/api/history").json()["events"]
    assert event["actor_name"] == "chief by API key"


def test_a_key_never_may_more_than_its_owner(
    make_user: Callable[..., User], admin: User, make_key: Callable[..., tuple[str, str]]
) -> None:
    _, raw_key = make_key(admin, "rollout:rollback")
    ApiKey.objects.update(owner=make_user("editor"))
    assert is_problem(send(Client(headers={"x-api-key": raw_key}), "rollback"), 403, "insufficient-scope")


def test_the_control_api_is_never_split(api: Client) -> None:
    response = api.get("/canary/api/status", headers={"api-version": "2"})
    assert "API-Version" not in response.headers
    assert "canary_id" not in response.cookies


def test_without_the_database_it_is_503_and_a_time_to_try_again(api: Client) -> None:
    def is_down(*_: Any) -> None:
        raise OperationalError("planted")

    with connection.execute_wrapper(is_down):
        answers = [api.get("/canary/api/status"), send(api, "rollback")]
    for answer in answers:
        assert is_problem(answer, 503, "unavailable")
        assert answer.headers["Retry-After"] == "1"
        assert "planted" not in answer.content.decode()
