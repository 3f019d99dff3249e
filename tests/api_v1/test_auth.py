"""Registering, signing in and out, refreshing, the profile."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client

from api_v1.serializers.timestamps import timestamp
from cms.models import AuditEvent, AuthSession, User
from cms.policy import SYSTEM
from cms.services.users import set_password
from tests.conftest import PASSWORD

USER_KEYS = [
    *("id", "username", "email", "first_name", "last_name", "role", "is_active", "email_verified"),
    *("last_login", "created_at", "updated_at"),
]
NEWCOMER = {"username": "mia", "email": "Mia@example.org", "password": PASSWORD}


def with_token(token: str) -> Client:
    return Client(headers={"authorization": f"Bearer {token}"})


def wrong_fields(response: Any) -> set[str]:
    assert response.status_code == 422, response.content
    assert response.json()["error"] == "Invalid input"
    return {wrong["field"] for wrong in response.json()["validation_errors"]}


def test_registering_makes_a_subscriber_who_is_signed_in(anonymous: Client, send: Any) -> None:
    extra = {"first_name": "Mia", "last_name": None, "role": "admin", "is_active": False, "profile": {"bio": 1}}
    response = send(anonymous, "post", "/api/v1/auth/register", NEWCOMER | extra)
    assert response.status_code == 201
    data = response.json()["data"]
    assert list(data) == ["success", "tokens", "user"]
    assert list(data["tokens"]) == ["access_token", "refresh_token", "expires_in", "session_id"]
    assert (data["success"], data["tokens"]["expires_in"]) == (True, 900)
    user = User.objects.get()
    assert (user.username, user.email, user.first_name, user.role) == ("mia", "Mia@example.org", "Mia", "subscriber")
    assert with_token(data["tokens"]["access_token"]).get("/api/v1/auth/profile").json()["data"] == data["user"]
    event = AuditEvent.objects.get(action="user.registered")
    assert (event.object_id, event.api_version) == (user.pk, 1)


def test_a_user_has_exactly_these_fields(client_of: Callable[..., Client], editor: User) -> None:
    client = client_of(editor)
    editor.refresh_from_db()
    data = client.get("/api/v1/auth/profile").json()["data"]
    assert list(data) == USER_KEYS
    assert (data["id"], data["role"]) == (str(editor.pk), "Editor")
    assert (data["is_active"], data["email_verified"], data["first_name"]) == (True, False, "")
    assert data["last_login"] == timestamp(editor.last_login)  # type: ignore[arg-type]
    assert data["created_at"] == timestamp(editor.created_at)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": "ab"}, "username"),
        ({"username": "admin"}, "username"),
        ({"username": 5}, "username"),
        ({"username": None}, "username"),
        ({"email": "nowhere"}, "email"),
        ({"email": ["a@example.org"]}, "email"),
        ({"password": "short"}, "password"),
        ({"password": {"a": 1}}, "password"),
        ({"first_name": "x" * 151}, "first_name"),
        ({"last_name": True}, "last_name"),
        ({"email": "a\0@example.org"}, "email"),
    ],
)
def test_a_field_that_is_wrong_at_registering_is_named(
    change: dict[str, Any], field: str, anonymous: Client, send: Any
) -> None:
    assert wrong_fields(send(anonymous, "post", "/api/v1/auth/register", NEWCOMER | change)) == {field}
    assert not User.objects.exists()


def test_fields_that_are_missing_are_all_named(anonymous: Client, send: Any) -> None:
    assert wrong_fields(send(anonymous, "post", "/api/v1/auth/register")) == {"username", "email", "password"}
    assert wrong_fields(send(anonymous, "post", "/api/v1/auth/login")) == {"email", "password"}
    assert wrong_fields(send(anonymous, "post", "/api/v1/auth/refresh")) == {"refresh_token"}


@pytest.mark.parametrize("taken", [{"username": "MIA"}, {"email": "mia@EXAMPLE.org"}])
def test_a_name_or_address_that_is_taken_is_409(taken: dict[str, str], anonymous: Client, send: Any) -> None:
    assert send(anonymous, "post", "/api/v1/auth/register", NEWCOMER).status_code == 201
    other = {"username": "other", "email": "other@example.org", "password": PASSWORD, **taken}
    response = send(anonymous, "post", "/api/v1/auth/register", other)
    assert response.status_code == 409
    assert "validation_errors" not in response.json()
    assert User.objects.count() == 1


def test_signing_in_opens_a_session(anonymous: Client, send: Any, make_user: Any) -> None:
    user = make_user(password=PASSWORD)
    body = {"email": user.email.upper(), "password": PASSWORD, "remember_me": True}
    response = send(anonymous, "post", "/api/v1/auth/login", body)
    assert response.status_code == 200
    data = response.json()["data"]
    assert list(data) == ["success", "tokens", "user"]
    assert str(AuthSession.objects.get(user=user).pk) == data["tokens"]["session_id"]
    user.refresh_from_db()
    assert data["user"]["last_login"] == timestamp(user.last_login)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("known@example.org", "a wrong pass-phrase"),
        ("unknown@example.org", PASSWORD),
        ("suspended@example.org", PASSWORD),
        ("", ""),
    ],
)
def test_signing_in_fails_in_one_way_whatever_the_reason(
    email: str, password: str, anonymous: Client, send: Any, make_user: Any
) -> None:
    make_user(username="known", password=PASSWORD)
    make_user(username="suspended", password=PASSWORD, is_active=False)
    response = send(anonymous, "post", "/api/v1/auth/login", {"email": email, "password": password})
    assert response.status_code == 401
    assert response.json() == {"success": False, "data": None, "message": None, "error": "Invalid credentials"}
    assert "WWW-Authenticate" in response.headers
    assert not AuthSession.objects.exists()


def test_a_login_that_a_new_password_overtakes_fails_as_a_wrong_one(
    anonymous: Client, send: Any, make_user: Any, now: Any, meanwhile: Any
) -> None:
    user = make_user(password=PASSWORD)
    meanwhile(partial(set_password, actor=SYSTEM, user=user, password="another long pass-phrase", now=now))
    response = send(anonymous, "post", "/api/v1/auth/login", {"email": user.email, "password": PASSWORD})
    assert (response.status_code, response.json()["error"]) == (401, "Invalid credentials")
    assert not AuthSession.objects.exists()


def test_refreshing_rotates_both_tokens(anonymous: Client, send: Any) -> None:
    first = send(anonymous, "post", "/api/v1/auth/register", NEWCOMER).json()["data"]["tokens"]
    response = send(anonymous, "post", "/api/v1/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert response.status_code == 200
    second = response.json()["data"]["tokens"]
    assert response.json()["data"]["user"]["username"] == "mia"
    assert second["session_id"] == first["session_id"]
    assert second["refresh_token"] != first["refresh_token"]
    assert with_token(second["access_token"]).get("/api/v1/auth/profile").status_code == 200


def test_a_refresh_token_that_is_used_twice_ends_the_whole_family(anonymous: Client, send: Any) -> None:
    first = send(anonymous, "post", "/api/v1/auth/register", NEWCOMER).json()["data"]["tokens"]
    refresh = {"refresh_token": first["refresh_token"]}
    second = send(anonymous, "post", "/api/v1/auth/refresh", refresh).json()["data"]["tokens"]
    assert send(anonymous, "post", "/api/v1/auth/refresh", refresh).status_code == 401
    assert with_token(second["access_token"]).get("/api/v1/auth/profile").status_code == 401
    latest = {"refresh_token": second["refresh_token"]}
    assert send(anonymous, "post", "/api/v1/auth/refresh", latest).status_code == 401
    assert AuthSession.objects.get().revoked_at is not None


def test_an_expired_access_token_does_not_hinder_refreshing(send: Any, anonymous: Client) -> None:
    tokens = send(anonymous, "post", "/api/v1/auth/register", NEWCOMER).json()["data"]["tokens"]
    client = with_token("an.expired.token")
    response = send(client, "post", "/api/v1/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert response.status_code == 200


@pytest.mark.parametrize("kind", ["rubbish", "é", "", "access_token"])
def test_what_is_no_refresh_token_is_401(kind: str, anonymous: Client, send: Any) -> None:
    tokens = send(anonymous, "post", "/api/v1/auth/register", NEWCOMER).json()["data"]["tokens"]
    response = send(anonymous, "post", "/api/v1/auth/refresh", {"refresh_token": tokens.get(kind, kind)})
    assert response.status_code == 401
    assert AuthSession.objects.get().revoked_at is None


def test_signing_out_ends_the_session(client_of: Callable[..., Client], make_user: Any) -> None:
    client = client_of(make_user())
    response = client.post("/api/v1/auth/logout")
    assert response.json() == {"success": True, "data": None, "message": None, "error": None}
    assert AuthSession.objects.get().revoked_at is not None
    assert client.post("/api/v1/auth/logout").status_code == 401


def test_a_suspended_user_is_401_with_the_next_request(client_of: Callable[..., Client], make_user: Any) -> None:
    user = make_user()
    client = client_of(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get("/api/v1/auth/profile").status_code == 401


@pytest.mark.parametrize(("method", "path"), [("get", "/api/v1/auth/profile"), ("post", "/api/v1/auth/logout")])
def test_what_needs_a_user_is_401_without_one(method: str, path: str, anonymous: Client) -> None:
    response = getattr(anonymous, method)(path)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
