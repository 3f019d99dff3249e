"""A login by password of a user with a second factor: v2 takes its code, v1 refuses in its frozen shape."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.models import ApiKey, AuthSession, User
from cms.policy import SYSTEM
from cms.services.api_keys import create_api_key
from cms.services.users import update_user
from tests.conftest import PASSWORD
from tests.second_factors import App, set_up_app

V1, V2 = "/api/v1/auth/login", "/api/v2/auth/token"


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user("admin", username="mia", password=PASSWORD)


@pytest.fixture
def app(mia: User) -> App:
    return set_up_app(mia, timezone.now() - datetime.timedelta(hours=1))


def log_in(path: str, **body: Any) -> Any:
    return Client().post(path, {"email": "mia@example.org", "password": PASSWORD, **body}, "application/json")


def code_of(answer: Any) -> str:
    problem: str = answer.json()["type"]
    return problem.rpartition(":")[2]


def test_v2_asks_for_the_code_after_the_right_password_alone(mia: User, app: App) -> None:
    asked = log_in(V2)
    assert (asked.status_code, code_of(asked)) == (401, "second-factor-required")
    assert asked.headers["WWW-Authenticate"] == "Bearer"
    for more in ({}, {"code": app.code(timezone.now())}):
        refused = log_in(V2, password="wrong", **more)
        assert (refused.status_code, code_of(refused)) == (401, "invalid-credentials")
    assert not AuthSession.objects.exists()


def test_v2_takes_a_code_of_the_app_or_a_recovery_code(mia: User, app: App) -> None:
    for code in (app.code(timezone.now()), app.recovery_codes[0]):
        answer = log_in(V2, code=code)
        assert answer.status_code == 200
        token = answer.json()["access_token"]
        assert Client(headers={"authorization": f"Bearer {token}"}).get("/api/v2/me").status_code == 200


def test_v2_refuses_a_wrong_code_and_counts_it_as_a_failed_login(mia: User, app: App, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = 2
    for _ in range(2):
        refused = log_in(V2, code="000000")
        assert (refused.status_code, code_of(refused)) == (401, "invalid-second-factor")
    assert log_in(V2, code=app.code(timezone.now())).status_code == 429
    assert log_in(V1).status_code == 429


def test_v2_takes_no_code_that_is_no_text(mia: User, app: App) -> None:
    refused = log_in(V2, code=123456)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/code")


def test_v1_refuses_as_ever_and_says_where_to_go(mia: User, app: App) -> None:
    plain, asked = log_in(V1, password="wrong"), log_in(V1)
    assert (plain.status_code, asked.status_code) == (401, 401)
    assert asked.json().keys() == plain.json().keys()
    sentence = "This account has a second factor: sign in with API v2, or use an API key."
    assert asked.json() == {**plain.json(), "error": sentence}
    assert asked.headers["WWW-Authenticate"] == plain.headers["WWW-Authenticate"]


def test_keys_and_open_sessions_go_on(mia: User, client_of: Callable[[User], Client], now: datetime.datetime) -> None:
    before = client_of(mia)
    key = create_api_key(actor=mia, owner=mia, fields={"name": "k", "scopes": ["users:read"]}, now=now)
    set_up_app(mia, now)
    assert before.get("/api/v2/me").status_code == 200
    assert Client(headers={"x-api-key": key.raw_key}).get("/api/v2/me").status_code == 200


def test_a_session_of_the_password_alone_ends_with_the_duty_and_the_factor_does_not_revive_it(
    mia: User, settings: Any
) -> None:
    first = log_in(V2).json()["refresh_token"], log_in(V1).json()["data"]["tokens"]["refresh_token"]
    refreshes = tuple(zip(("/api/v2/auth/token/refresh", "/api/v1/auth/refresh"), first, strict=True))
    settings.REQUIRE_SECOND_FACTOR = "admins"

    def refreshed() -> list[int]:
        return [
            Client().post(path, {"refresh_token": token}, "application/json").status_code for path, token in refreshes
        ]

    assert refreshed() == [403, 401]
    app = set_up_app(mia, timezone.now() - datetime.timedelta(hours=1))
    assert refreshed() == [401, 401]
    opened = log_in(V2, code=app.code(timezone.now())).json()
    body = {"refresh_token": opened["refresh_token"]}
    assert Client().post("/api/v2/auth/token/refresh", body, "application/json").status_code == 200


KEY = {"name": "keep", "scopes": ["users:read", "users:write"]}


def made_with(client: Client, path: str, body: dict[str, Any] = KEY) -> int:
    return client.post(path, body, "application/json").status_code


def test_a_session_of_the_password_alone_makes_nothing_once_its_user_has_a_role_that_needs_a_factor(
    make_user: Callable[..., User], settings: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = "staff"
    nia = make_user("subscriber", username="mia", password=PASSWORD)
    opened = log_in(V2).json()
    client = Client(headers={"authorization": f"Bearer {opened['access_token']}"})
    assert client.get("/api/v2/me").status_code == 200
    update_user(actor=SYSTEM, user=nia, changes={"role": "admin"}, now=timezone.now())
    assert made_with(client, "/api/v2/api-keys") == made_with(client, "/api/v1/api-keys") == 401
    accomplice = make_user("subscriber")
    assert made_with(client, f"/api/v2/users/{accomplice.pk}/actions/set-role", {"role": "admin"}) == 401
    assert not ApiKey.objects.exists()
    body = {"refresh_token": opened["refresh_token"]}
    refused = Client().post("/api/v2/auth/token/refresh", body, "application/json")
    assert (refused.status_code, code_of(refused)) == (403, "second-factor-setup-required")
    app = set_up_app(nia, timezone.now() - datetime.timedelta(hours=1))
    assert made_with(client, "/api/v2/api-keys") == 401
    token = log_in(V2, code=app.code(timezone.now())).json()["access_token"]
    assert made_with(Client(headers={"authorization": f"Bearer {token}"}), "/api/v2/api-keys") == 201


def test_a_browser_that_the_password_alone_has_opened_makes_no_key_either(
    make_user: Callable[..., User], client: Client, settings: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = "admins"
    nia = make_user("author", username="mia", password=PASSWORD)
    client.post("/admin/login/", {"username": "mia", "password": PASSWORD})
    assert client.get("/api/v2/me").status_code == 200
    update_user(actor=SYSTEM, user=nia, changes={"role": "admin"}, now=timezone.now())
    assert made_with(client, "/api/v2/api-keys") == 401
    assert client.get("/admin/cms/apikey/add/").headers["Location"].startswith("/admin/login/")
    assert client.post("/admin/cms/apikey/add/", {"name": "keep"}).headers["Location"].startswith("/admin/login/")
    assert not ApiKey.objects.exists()


def test_a_token_of_the_password_alone_is_good_again_once_the_role_needs_no_factor(
    make_user: Callable[..., User], settings: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = "staff"
    nia = make_user("subscriber", username="mia", password=PASSWORD)
    client = Client(headers={"authorization": f"Bearer {log_in(V2).json()['access_token']}"})
    for role, status in (("author", 401), ("subscriber", 200)):
        update_user(actor=SYSTEM, user=nia, changes={"role": role}, now=timezone.now())
        assert client.get("/api/v2/me").status_code == status


def test_who_needs_a_factor_and_has_none_gets_no_session(mia: User, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = "admins"
    refused = log_in(V2)
    assert (refused.status_code, code_of(refused)) == (403, "second-factor-setup-required")
    assert "/admin/login/" in refused.json()["detail"]
    assert log_in(V2, password="wrong").status_code == 401
    assert log_in(V1).status_code == 401
    assert not AuthSession.objects.exists()
