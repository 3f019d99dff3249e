"""Registering, tokens, one's own profile."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.models import AuditEvent, AuthSession, User
from tests.conftest import PASSWORD

PROFILE = [
    *("id", "created_at", "updated_at", "username", "display_name", "bio", "email", "first_name", "last_name", "role"),
    *("is_active", "email_verified", "pending_email", "last_login_at"),
]


@pytest.fixture
def post(client: Client, db: None) -> Callable[..., Any]:
    def send(path: str, body: Any = None, *, token: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return client.post(f"/api/v2{path}", body or {}, content_type="application/json", headers=headers)

    return send


def registration(**members: Any) -> dict[str, Any]:
    return {"username": "mia", "email": "mia@example.org", "password": PASSWORD, **members}


def test_whoever_registers_is_a_subscriber_who_can_sign_in(post: Callable[..., Any]) -> None:
    answer = post("/users", registration(first_name="Mia"))
    user = User.objects.get()
    assert answer.status_code == 201
    assert list(answer.json()) == PROFILE
    assert (user.role, user.first_name, answer.json()["id"]) == ("subscriber", "Mia", str(user.pk))
    assert PASSWORD not in answer.content.decode() + user.password
    assert AuditEvent.objects.get().api_version == 2
    assert post("/auth/token", {"email": "MIA@example.org", "password": PASSWORD}).status_code == 200


def test_a_registration_is_answered_with_the_etag_of_the_new_account(
    post: Callable[..., Any], client_of: Callable[[User], Client], make_user: Callable[..., User]
) -> None:
    answer = post("/users", registration())
    path = answer.headers["Location"]
    got = client_of(make_user("admin")).get(path)
    for name in ("ETag", "Last-Modified"):
        assert got.headers[name] == answer.headers[name]
    own = client_of(User.objects.get(username="mia"))  # signing in changes last_login_at, and not the version
    patch = {"content_type": "application/json", "headers": {"If-Match": answer.headers["ETag"]}}
    assert own.patch(path, {"bio": "New here."}, **patch).status_code == 200
    assert own.patch(path, {"bio": "Late."}, **patch).status_code == 412


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
@pytest.mark.parametrize("value", ["Bearer expired", "tdm_nonsense"])
def test_whoever_registers_may_send_a_credential_that_is_none_any_more(
    client: Client, make_user: Callable[..., User], header: str, value: str
) -> None:
    answer = client.post("/api/v2/users", registration(), "application/json", headers={header: value})
    assert (answer.status_code, User.objects.get().username) == (201, "mia")
    refused = client.get("/api/v2/users", headers={header: value})
    assert refused.status_code == 401


@pytest.mark.parametrize(
    ("members", "pointer", "code"),
    [
        ({"role": "admin"}, "/role", "unknown_member"),
        ({"username": "a"}, "/username", "too_short"),
        ({"username": "admin"}, "/username", "reserved"),
        ({"username": "a\u0000bc"}, "/username", "invalid_characters"),
        ({"email": "nobody"}, "/email", "invalid_email"),
        ({"email": None}, "/email", "invalid_type"),
        ({"password": "short"}, "/password", "too_short"),
        ({"password": "password123"}, "/password", "password_too_common"),
        ({"first_name": "x" * 151}, "/first_name", "too_long"),
    ],
)
def test_a_registration_that_cannot_be_taken_is_a_422(
    post: Callable[..., Any], members: dict[str, Any], pointer: str, code: str
) -> None:
    answer = post("/users", registration(**members))
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert not User.objects.exists()


def test_missing_members_are_named(post: Callable[..., Any]) -> None:
    errors = post("/users", {"first_name": "Mia"}).json()["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [
        ("/username", "required"),
        ("/email", "required"),
        ("/password", "required"),
    ]


@pytest.mark.parametrize(
    ("members", "pointer"), [({"email": "new@example.org"}, "/username"), ({"username": "new"}, "/email")]
)
def test_a_name_or_address_that_is_taken_is_a_409(
    post: Callable[..., Any], members: dict[str, Any], pointer: str
) -> None:
    post("/users", registration())
    answer = post("/users", registration(**members))
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert User.objects.count() == 1


@pytest.fixture
def tokens(post: Callable[..., Any], make_user: Callable[..., User]) -> dict[str, Any]:
    make_user("author", username="mia", password=PASSWORD)
    answer = post("/auth/token", {"email": "mia@example.org", "password": PASSWORD})
    assert answer.headers["Cache-Control"] == "no-store"
    return dict(answer.json())


def test_tokens_open_ones_profile(client: Client, tokens: dict[str, Any]) -> None:
    assert list(tokens) == ["access_token", "refresh_token", "token_type", "expires_in"]
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    answer = client.get("/api/v2/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    body = answer.json()
    assert list(body) == PROFILE
    assert (body["username"], body["role"], body["email"]) == ("mia", "author", "mia@example.org")
    assert body["last_login_at"].endswith("Z")
    assert answer.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    "body", [{"password": "wrong"}, {"email": "who@example.org"}, {"email": "suspended@example.org"}, {"email": ""}]
)
def test_every_failed_login_looks_the_same(
    post: Callable[..., Any], make_user: Callable[..., User], body: dict[str, str]
) -> None:
    make_user(username="mia", password=PASSWORD)
    make_user(username="suspended", password=PASSWORD, is_active=False)
    answer = post("/auth/token", {"email": "mia@example.org", "password": PASSWORD, **body})
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:problem-type:tandem:invalid-credentials"
    assert (answer.json()["detail"], answer.headers["WWW-Authenticate"]) == ("Invalid credentials", "Bearer")
    assert not AuthSession.objects.exists()


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/auth/token", {"email": "a@example.org"}, "/password"),
        ("/auth/token", {"email": 1, "password": "x"}, "/email"),
        ("/auth/token", {"email": "a\u0000@example.org", "password": "x"}, "/email"),
        ("/auth/token", {"email": "a@example.org", "password": "x", "remember_me": True}, "/remember_me"),
        ("/auth/token/refresh", {}, "/refresh_token"),
        ("/auth/token/refresh", {"refresh_token": []}, "/refresh_token"),
    ],
)
def test_bodies_of_tokens_are_read_strictly(
    post: Callable[..., Any], path: str, body: dict[str, Any], pointer: str
) -> None:
    answer = post(path, body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_refreshing_rotates_and_a_replay_ends_the_session(post: Callable[..., Any], tokens: dict[str, Any]) -> None:
    old = {"refresh_token": tokens["refresh_token"]}
    # The access token that a client still sends along has expired by the time it refreshes.
    renewed = post("/auth/token/refresh", old, token="expired")
    assert renewed.status_code == 200
    replay = post("/auth/token/refresh", old)
    assert (replay.status_code, replay.json()["type"]) == (401, "urn:problem-type:tandem:invalid-token")
    assert post("/auth/token/refresh", {"refresh_token": renewed.json()["refresh_token"]}).status_code == 401
    assert AuthSession.objects.get().revoked_at is not None


@pytest.mark.parametrize("kind", ["access_token", "nonsense"])
def test_only_a_refresh_token_refreshes(post: Callable[..., Any], tokens: dict[str, Any], kind: str) -> None:
    assert post("/auth/token/refresh", {"refresh_token": tokens.get(kind, kind)}).status_code == 401


def test_after_logout_the_tokens_are_refused_at_once(
    client: Client, post: Callable[..., Any], tokens: dict[str, Any]
) -> None:
    token = tokens["access_token"]
    answer = client.post("/api/v2/auth/logout", b"", "application/json", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get("/api/v2/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert post("/auth/token/refresh", {"refresh_token": tokens["refresh_token"]}).status_code == 401


def test_logout_takes_no_members_and_asks_for_a_token(post: Callable[..., Any], tokens: dict[str, Any]) -> None:
    assert post("/auth/logout").status_code == 401
    assert post("/auth/logout", {"all": True}, token=tokens["access_token"]).status_code == 422
    assert post("/auth/logout", token=tokens["access_token"]).status_code == 204


@pytest.mark.usefixtures("db")
def test_strangers_have_no_profile(client: Client) -> None:
    answer = client.get("/api/v2/me")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json()["type"] == "urn:problem-type:tandem:authentication-required"
