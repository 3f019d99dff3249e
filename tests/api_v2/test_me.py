"""Oneself: changing the profile and the password, looking at one's logins and ending them."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.models import AuditEvent, AuthSession, BrowserSession, User
from cms.services.api_keys import create_api_key
from tests.api_v2.sending import codes_of, problem_of, send
from tests.conftest import PASSWORD

DAY = datetime.timedelta(days=1)
NEW = "another long pass-phrase"


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user("author", username="mia", password=PASSWORD)


@pytest.fixture
def own(client_of: Callable[[User], Client], mia: User) -> Client:
    return client_of(mia)


def test_one_changes_ones_profile(own: Client, mia: User) -> None:
    etag = send(own, "get", "/me").headers["ETag"]
    patch = {"content_type": "application/merge-patch+json", "headers": {"If-Match": etag}}
    answer = own.patch("/api/v2/me", {"bio": "I write.", "last_name": None}, **patch)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["bio"]) == (200, "I write.")
    assert send(own, "get", "/me").headers["ETag"] == answer.headers["ETag"] != etag
    stale = own.patch("/api/v2/me", {"bio": "Lost."}, **patch)  # type: ignore[arg-type]
    assert problem_of(stale) == (412, "precondition-failed")


def test_strangers_and_keys_change_no_profile(client: Client, mia: User, now: Any) -> None:
    assert problem_of(send(client, "patch", "/me", {"bio": "x"})) == (401, "authentication-required")
    fields: Any = {"name": "Robot", "scopes": ["posts:write"]}
    raw_key = create_api_key(actor=mia, owner=mia, fields=fields, now=now).raw_key
    robot = Client(headers={"x-api-key": raw_key})
    for method, path in (
        ("patch", "/me"),
        ("post", "/me/password"),
        ("get", "/me/sessions"),
        ("delete", "/me/sessions"),
    ):
        assert problem_of(send(robot, method, path, {})) == (403, "insufficient-scope")


def change(client: Client, current: str = PASSWORD, new: str = NEW) -> Any:
    return send(client, "post", "/me/password", {"current_password": current, "new_password": new})


def test_a_new_password_ends_every_other_session(own: Client, client_of: Callable[[User], Client], mia: User) -> None:
    elsewhere = client_of(mia)
    answer = change(own)
    assert (answer.status_code, answer.content) == (204, b"")
    assert send(own, "get", "/me").status_code == 200
    assert send(elsewhere, "get", "/me").status_code == 401
    mia.refresh_from_db()
    assert mia.check_password(NEW)
    assert AuditEvent.objects.filter(action="user.password_changed").get().after == {}


def test_a_browser_that_changes_the_password_stays_signed_in_and_the_others_do_not(mia: User) -> None:
    browser, other = Client(), Client()
    browser.force_login(mia)
    other.force_login(mia)
    assert change(browser).status_code == 204
    assert (send(browser, "get", "/me").status_code, send(other, "get", "/me").status_code) == (200, 401)


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("/current_password", "required"), ("/new_password", "required")]),
        ({"current_password": "wrong", "new_password": NEW}, [("/current_password", "wrong_password")]),
        ({"current_password": PASSWORD, "new_password": "short"}, [("/new_password", "too_short")]),
        ({"current_password": PASSWORD, "new_password": "password123"}, [("/new_password", "password_too_common")]),
        ({"current_password": PASSWORD, "new_password": NEW, "password": ""}, [("/password", "unknown_member")]),
    ],
    ids=["nothing", "wrong", "short", "common", "unknown"],
)
def test_a_password_that_cannot_be_taken_is_a_422(
    own: Client, mia: User, body: dict[str, str], errors: list[tuple[str, str]]
) -> None:
    answer = send(own, "post", "/me/password", body)
    assert (answer.status_code, codes_of(answer)) == (422, errors)
    mia.refresh_from_db()
    assert mia.check_password(PASSWORD)


def test_whoever_has_a_token_does_not_try_passwords_without_end(own: Client, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = 2
    assert [change(own, "wrong").status_code for _ in range(3)] == [422, 422, 429]
    assert problem_of(change(own)) == (429, "rate-limited")


def test_one_sees_ones_logins_and_nobody_elses(
    own: Client, client_of: Callable[[User], Client], mia: User, editor: User
) -> None:
    client_of(editor)
    client_of(mia)
    AuthSession.objects.create(user=mia, expires_at=timezone.now())
    AuthSession.objects.create(user=mia, expires_at=timezone.now() + DAY, revoked_at=timezone.now())
    body = send(own, "get", "/me/sessions?count=exact").json()
    assert (body["page"]["total"], [row["is_current"] for row in body["data"]]) == (2, [False, True])
    assert list(body["data"][0]) == ["id", "created_at", "updated_at", "expires_at", "is_current"]
    other = send(client_of(editor), "get", f"/me/sessions/{body['data'][0]['id']}")
    assert problem_of(other) == (404, "not-found")


def test_one_login_is_ended(own: Client, client_of: Callable[[User], Client], mia: User) -> None:
    elsewhere = client_of(mia)
    (other,) = [row for row in send(own, "get", "/me/sessions").json()["data"] if not row["is_current"]]
    path = f"/me/sessions/{other['id']}"
    assert send(own, "get", path).json() == other
    assert send(own, "delete", path).status_code == 204
    assert send(elsewhere, "get", "/me").status_code == 401
    assert problem_of(send(own, "delete", path)) == (404, "not-found")
    assert send(own, "get", "/me").status_code == 200


@pytest.mark.parametrize("session_id", ["nonsense", "0197a0b0-0000-7000-8000-000000000000"])
def test_no_such_login_is_a_404(own: Client, session_id: str) -> None:
    assert problem_of(send(own, "delete", f"/me/sessions/{session_id}")) == (404, "not-found")


def test_all_other_logins_are_ended_those_of_browsers_too(
    own: Client, client_of: Callable[[User], Client], mia: User
) -> None:
    elsewhere, browser = client_of(mia), Client()
    browser.force_login(mia)
    assert BrowserSession.objects.count() == 1
    assert send(own, "delete", "/me/sessions").status_code == 204
    statuses = [send(one, "get", "/me").status_code for one in (own, elsewhere, browser)]
    assert statuses == [200, 401, 401]
    assert AuditEvent.objects.filter(action="user.sessions_closed").get().after == {"count": 1}


def test_a_browser_ends_all_others_and_goes_on(own: Client, mia: User) -> None:
    browser, other = Client(), Client()
    browser.force_login(mia)
    other.force_login(mia)
    assert send(browser, "delete", "/me/sessions").status_code == 204
    statuses = [send(one, "get", "/me").status_code for one in (browser, other, own)]
    assert statuses == [200, 401, 401]


def test_strangers_have_no_logins(client: Client, db: None) -> None:
    for method, path in (("get", "/me/sessions"), ("delete", "/me/sessions"), ("post", "/me/password")):
        assert problem_of(send(client, method, path)) == (401, "authentication-required")
