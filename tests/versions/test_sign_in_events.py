"""Logins, failed ones, lockouts and logouts are in the audit trail, whichever door they go through."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.models import AuditEvent, User
from tests.conftest import PASSWORD
from tests.versions.conftest import Browser, Version, with_token

pytestmark = pytest.mark.django_db


def noted() -> list[tuple[str, Any, Any, Any]]:
    events = AuditEvent.objects.filter(action__startswith="auth.").order_by("pk")
    return [(event.action, event.actor, event.object_id, event.api_version) for event in events]


def test_a_login_and_a_logout_of_an_api_are_noted_with_their_session(version: Version, mia: User) -> None:
    token = version.sign_in(mia)["access_token"]
    statuses = [version.send(with_token(token), "post", "/auth/logout").status_code for _ in range(2)]
    assert statuses == [200 if version.number == 1 else 204, 401]
    assert noted() == [(action, mia, mia.pk, version.number) for action in ("auth.login", "auth.logout")]
    sessions = [event.after["session"] for event in AuditEvent.objects.filter(action__startswith="auth.")]
    assert sessions == [str(mia.auth_sessions.get().pk)] * 2


def test_failed_logins_and_the_lockout_are_noted(version: Version, mia: User, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = 2
    for _ in range(4):
        version.try_password(Client(), mia.email, "wrong")
    actions = ["auth.login_failed", "auth.login_failed", "auth.locked"]
    assert noted() == [(action, None, mia.pk, version.number) for action in actions]


def test_a_browser_that_leaves_through_an_api_is_noted(version: Version, mia: User) -> None:
    browser = Browser(mia)
    version.send(browser.client, "post", "/auth/logout", **browser.csrf_headers())
    assert noted() == [("auth.logout", mia, mia.pk, version.number)]


def test_the_admin_site_notes_the_same(make_user: Callable[..., User], settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = 2
    eve, client = make_user("editor", username="eve", password=PASSWORD), Client()
    assert client.get("/admin/login/").status_code == 200
    for password, status in (("wrong", 200), (PASSWORD, 302)):
        assert client.post("/admin/login/", {"username": "eve", "password": password}).status_code == status
    assert client.get("/admin/login/").status_code == 302
    assert client.post("/admin/logout/").status_code == 200
    client.post("/admin/logout/")
    client.post("/admin/login/", {"username": "eve@example.org", "password": "wrong"})
    actions = ["login_failed", "login", "logout", "login_failed", "locked"]
    assert [row[0] for row in noted()] == [f"auth.{action}" for action in actions]
    assert {row[1:] for row in noted()} == {(None, eve.pk, None), (eve, eve.pk, None)}
