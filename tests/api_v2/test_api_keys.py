"""API keys: issued with a secret that is shown once, listed, changed, revoked."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms import limits
from cms.models import ApiKey, AuditEvent, Post, StoredAnswer, User
from tests.api_v2.sending import codes_of, problem_of, send

MEMBERS = [
    *("id", "created_at", "updated_at", "name", "prefix", "scopes", "contact_email", "expires_at", "last_used_at"),
    *("is_active", "owner"),
]
KEY = {"name": "Robot", "scopes": ["posts:write", "posts:read"]}


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user("author", username="mia")


@pytest.fixture
def own(client_of: Callable[[User], Client], mia: User) -> Client:
    return client_of(mia)


def test_a_key_is_issued_and_its_secret_is_shown_once(own: Client, mia: User, make_post: Callable[..., Post]) -> None:
    make_post()
    more = {"contact_email": "ops@example.org", "expires_at": "2100-01-01T00:00:00Z"}
    answer = send(own, "post", "/api-keys", {**KEY, **more})
    body = answer.json()
    assert (answer.status_code, list(body)) == (201, [*MEMBERS, "secret"])
    assert (body["scopes"], body["owner"]) == (["posts:read", "posts:write"], str(mia.pk))
    assert (body["contact_email"], body["expires_at"]) == ("ops@example.org", "2100-01-01T00:00:00.000000Z")
    assert (answer.headers["Location"], answer.headers["Cache-Control"]) == (
        f"/api/v2/api-keys/{body['id']}",
        "no-store",
    )
    for version in (1, 2):
        assert Client().get(f"/api/v{version}/posts", headers={"X-API-Key": body["secret"]}).status_code == 200
    shown = send(own, "get", f"/api-keys/{body['id']}")
    assert list(shown.json()) == MEMBERS
    assert body["secret"] not in shown.content.decode() + str(ApiKey.objects.values())
    assert AuditEvent.objects.filter(action="api_key.created").get().api_version == 2


def test_a_repeated_request_stores_no_secret(own: Client) -> None:
    secrets = [send(own, "post", "/api-keys", KEY, **{"Idempotency-Key": "k"}).json()["secret"] for _ in range(2)]
    assert secrets[0] != secrets[1]
    assert not StoredAnswer.objects.exists()


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"name": ""}, [("/name", "required")]),
        ({"name": None}, [("/name", "invalid_type")]),
        ({"scopes": []}, [("/scopes", "required")]),
        ({"scopes": ["posts:eat"]}, [("/scopes", "invalid_choice")]),
        ({"scopes": ["users:read"]}, [("/scopes", "beyond_role")]),
        ({"scopes": "posts:read"}, [("/scopes", "invalid_type")]),
        ({"contact_email": "nobody"}, [("/contact_email", "invalid_email")]),
        ({"expires_at": "2001-01-01T00:00:00Z"}, [("/expires_at", "too_early")]),
        ({"expires_at": "tomorrow"}, [("/expires_at", "invalid_instant")]),
        ({"owner": "x"}, [("/owner", "unknown_member")]),
    ],
    ids=str,
)
def test_a_key_that_cannot_be_is_a_422(own: Client, changes: dict[str, Any], errors: list[tuple[str, str]]) -> None:
    new = send(own, "post", "/api-keys", {**KEY, **changes})
    assert (new.status_code, codes_of(new)) == (422, errors)
    assert not ApiKey.objects.exists()
    key_id = send(own, "post", "/api-keys", KEY).json()["id"]
    changed = send(own, "patch", f"/api-keys/{key_id}", changes)
    assert (changed.status_code, codes_of(changed)) == (422, errors)


def test_missing_members_are_named(own: Client) -> None:
    assert codes_of(send(own, "post", "/api-keys", {})) == [("/name", "required"), ("/scopes", "required")]


def test_a_key_is_changed(own: Client) -> None:
    body = send(own, "post", "/api-keys", {**KEY, "expires_at": "2100-01-01T00:00:00Z"}).json()
    etag = send(own, "get", f"/api-keys/{body['id']}").headers["ETag"]
    changes = {"name": "Parrot", "scopes": ["posts:read"], "expires_at": None, "contact_email": None}
    answer = send(own, "patch", f"/api-keys/{body['id']}", changes, **{"If-Match": etag})
    assert (answer.status_code, answer.json()["name"], answer.json()["expires_at"]) == (200, "Parrot", None)
    write = Client().post("/api/v2/posts", {}, "application/json", headers={"X-API-Key": body["secret"]})
    assert problem_of(write) == (403, "insufficient-scope")
    event = AuditEvent.objects.get(action="api_key.updated")
    assert event.before == {
        "name": "Robot",
        "scopes": ["posts:read", "posts:write"],
        "expires_at": "2100-01-01T00:00:00+00:00",
    }
    stale = send(own, "delete", f"/api-keys/{body['id']}", **{"If-Match": etag})
    assert problem_of(stale) == (412, "precondition-failed")


def test_a_revoked_key_is_refused_at_once_and_stays_to_be_seen(own: Client) -> None:
    body = send(own, "post", "/api-keys", KEY).json()
    path = f"/api-keys/{body['id']}"
    for _ in range(2):
        assert send(own, "delete", path).status_code == 204
    assert Client().get("/api/v2/posts", headers={"X-API-Key": body["secret"]}).status_code == 401
    assert send(own, "get", path).json()["is_active"] is False
    assert problem_of(send(own, "patch", path, {"name": "Again"})) == (409, "invalid-transition")


def test_keys_of_others_are_not_found_but_by_admins(
    own: Client, client_of: Callable[[User], Client], make_user: Callable[..., User], mia: User
) -> None:
    key_id = send(own, "post", "/api-keys", KEY).json()["id"]
    stranger, admin = client_of(make_user("editor")), client_of(make_user("admin"))
    for method, body in (("get", None), ("patch", {"name": "x"}), ("delete", None)):
        assert problem_of(send(stranger, method, f"/api-keys/{key_id}", body)) == (404, "not-found")
    assert send(stranger, "get", "/api-keys").json()["data"] == []
    assert [row["id"] for row in send(admin, "get", f"/api-keys?owner={mia.pk}").json()["data"]] == [key_id]
    assert send(admin, "get", f"/api-keys?owner={key_id}").json()["data"] == []
    assert send(admin, "delete", f"/api-keys/{key_id}").status_code == 204


def test_neither_strangers_nor_keys_manage_keys(client: Client, own: Client) -> None:
    body = send(own, "post", "/api-keys", KEY).json()
    robot = Client(headers={"x-api-key": body["secret"]})
    for method, body_sent in (("get", None), ("post", KEY)):
        assert problem_of(send(client, method, "/api-keys", body_sent)) == (401, "authentication-required")
        assert problem_of(send(robot, method, "/api-keys", body_sent)) == (403, "insufficient-scope")
    assert problem_of(send(robot, "delete", f"/api-keys/{body['id']}")) == (403, "insufficient-scope")
    assert ApiKey.objects.get().is_active


def test_keys_come_newest_first_by_pages(own: Client) -> None:
    for number in range(3):
        send(own, "post", "/api-keys", {**KEY, "name": f"K{number}"})
    page = send(own, "get", "/api-keys?limit=2&fields=name").json()
    assert page["data"] == [{"name": "K2"}, {"name": "K1"}]
    assert own.get(page["page"]["next"]).json()["data"] == [{"name": "K0"}]


def test_one_key_too_many_is_a_conflict(own: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LIVE_KEYS_MAX", 2)
    keys = [send(own, "post", "/api-keys", KEY).json()["id"] for _ in range(2)]
    refused = send(own, "post", "/api-keys", KEY)
    assert problem_of(refused) == (409, "too-many-api-keys")
    assert refused.json()["detail"] == "An owner has at most 2 live API keys. Revoke one that is no longer needed."
    send(own, "delete", f"/api-keys/{keys[0]}")
    assert send(own, "post", "/api-keys", KEY).status_code == 201
