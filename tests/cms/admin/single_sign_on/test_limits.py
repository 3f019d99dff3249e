"""Second factors and the limits of failed logins after a sign-in at the provider."""

import datetime
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from cms.accounts.single_sign_on import COOKIE
from cms.costs.turns import Bounded, Credit, Places
from cms.models import User
from cms.policy import SYSTEM
from cms.services.single_sign_on import provider as asking
from cms.services.users import update_user
from tests.cms.admin.single_sign_on.signing_in import (
    BEGIN,
    CALLBACK,
    LOGIN,
    SETUP,
    STEP,
    actions,
    enter,
    refusal,
)
from tests.conftest import PASSWORD
from tests.oidc_provider import TOKEN, Handler, Provider
from tests.second_factors import set_up_app

# -- second factors ---------------------------------------------------------------------------------------------------


def test_the_own_second_factor_is_asked_for_all_the_same(provider: Provider, mia: User, client: Client) -> None:
    app = set_up_app(mia, timezone.now() - datetime.timedelta(hours=1))
    provider.claims |= {"amr": ["mfa", "otp"], "acr": "2"}
    assert enter(client, next="/admin/cms/post/").headers["Location"] == STEP
    assert client.get("/admin/").status_code == 302
    assert "auth.login" not in actions()
    assert client.post(STEP, {"code": app.code(timezone.now())}).headers["Location"] == "/admin/cms/post/"
    assert client.get("/admin/").status_code == 200


def test_a_role_that_needs_a_factor_sets_one_up_first(
    provider: Provider, mia: User, client: Client, settings: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = "admins"
    assert enter(client).headers["Location"] == STEP
    assert client.get(STEP).headers["Location"] == SETUP
    assert "QR code" in client.get(SETUP).content.decode()
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize("has_factor", [True, False])
def test_a_provider_that_is_trusted_for_it_takes_the_place_of_the_second_factor(
    provider: Provider, mia: User, client: Client, settings: Any, has_factor: bool
) -> None:
    settings.REQUIRE_SECOND_FACTOR, settings.OIDC_SECOND_FACTOR = "admins", "provider"
    if has_factor:
        set_up_app(mia, timezone.now())
    assert enter(client).headers["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


# -- limits -----------------------------------------------------------------------------------------------------------


def test_wrong_passwords_of_strangers_keep_nobody_out(
    provider: Provider, mia: User, client: Client, settings: Any
) -> None:
    settings.RATE_LIMIT_LOGIN = 2
    for _ in range(3):
        client.post(LOGIN, {"username": "mia", "password": "wrong"})
    assert actions()[-1] == "auth.locked"
    assert enter(client).headers["Location"] == "/admin/"


@pytest.mark.django_db
def test_failed_sign_ins_are_limited_before_the_provider_is_asked(
    provider: Provider, client: Client, settings: Any
) -> None:
    settings.RATE_LIMIT_LOGIN = 1  # five of an address
    pages = []
    for number in range(6):
        provider.claims["sub"] = f"mia-{number}"  # or the first one would be locked
        pages.append(enter(client).content.decode())
    assert ["Too many failed logins" in page for page in pages] == [False] * 5 + [True]
    assert provider.asked.count(TOKEN) == 5


@pytest.mark.django_db
def test_beginning_is_limited(provider: Provider, client: Client, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = 1  # fifty times as many of an address
    assert {client.get(BEGIN).status_code for _ in range(50)} == {302}
    assert "Too many logins" in client.get(BEGIN).content.decode()


@pytest.mark.parametrize("is_told", [True, False])
def test_pictures_that_lead_to_the_provider_take_no_login_away(
    provider: Provider, mia: User, client: Client, settings: Any, is_told: bool
) -> None:
    """Any page can have a reader's browser load them, and old browsers do not say what for."""
    settings.RATE_LIMIT_LOGIN = 1  # fifty times as many of an address
    headers = {"Sec-Fetch-Dest": "image"} if is_told else {}
    assert {client.get(BEGIN, headers=headers).status_code for _ in range(50)} == {403 if is_told else 302}
    assert client.get(CALLBACK, {"code": "x"}, headers={"Sec-Fetch-Dest": "iframe"}).status_code == 403
    client.post(LOGIN, {"username": "mia", "password": PASSWORD})
    assert client.get("/admin/").status_code == 200


def test_who_is_signed_in_is_not_sent_to_the_provider(provider: Provider, mia: User, client: Client) -> None:
    """A link would end the session by a first step of another one."""
    enter(client)
    answer = client.get(BEGIN, {"next": "/admin/cms/post/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/cms/post/")


def test_failures_lock_the_way_by_the_provider_and_leave_the_password(
    provider: Provider, mia: User, client: Client, settings: Any, now: datetime.datetime
) -> None:
    update_user(actor=SYSTEM, user=mia, changes={"email_verified": False}, now=now)
    settings.RATE_LIMIT_LOGIN = 2
    for _ in range(2):
        refusal(client)
    assert "Too many failed logins: try again in" in refusal(client)
    assert actions() == ["auth.login_failed", "auth.login_failed", "auth.locked"]
    client.post(LOGIN, {"username": "mia", "password": PASSWORD})
    assert client.get("/admin/").status_code == 200


@pytest.fixture
def busy_provider(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """A stranger's callback waits for it until the test is over, and nobody waits for a place."""
    has_begun, may_end, held = threading.Event(), threading.Event(), Client(REMOTE_ADDR="2001:db8:77:1::1")

    def give_token(handler: Handler) -> None:
        if not has_begun.is_set():
            has_begun.set()
            may_end.wait(60)
        handler.give_token()

    def held_up() -> Any:
        try:
            return held.get(junk_from(held))
        finally:
            connection.close()

    provider.answers[TOKEN] = give_token
    monkeypatch.setattr(asking, "TIMEOUT_S", 60)
    monkeypatch.setattr(asking.ASKING, "_credit", Credit(0.0))
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(held_up)
        assert has_begun.wait(60)
        yield provider
        may_end.set()
        assert "could not ask Press" in done.result(60).content.decode()


def junk_from(client: Client) -> str:
    """A callback of this browser with a code that the provider never gave."""
    state = parse_qs(urlsplit(client.get(BEGIN).headers["Location"]).query)["state"][0]
    return f"{CALLBACK}?{urlencode({'state': state, 'code': 'junk'})}"


@pytest.mark.django_db(transaction=True)
def test_a_stranger_who_keeps_the_provider_busy_keeps_others_from_nothing(
    busy_provider: Provider, mia: User, client: Client
) -> None:
    """From one IPv6 /48 two thirds of the sign-ins of others were refused."""
    same_line = Client(REMOTE_ADDR="2001:db8:77:2::1")
    assert same_line.get(junk_from(same_line)).status_code == 503
    assert enter(client).headers["Location"] == "/admin/"


@pytest.mark.django_db
def test_one_sign_in_asks_the_provider_once(provider: Provider, client: Client) -> None:
    callback = junk_from(client)
    cookie = client.cookies[COOKIE].value
    assert "could not ask Press" in client.get(callback).content.decode()
    for _ in range(2):
        client.cookies[COOKIE] = cookie
        assert "This sign-in has been used already" in client.get(callback).content.decode()
    assert provider.asked.count(TOKEN) == 1


@pytest.mark.django_db
def test_tries_that_find_the_provider_busy_count_as_tries_and_not_as_failures(
    provider: Provider, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RATE_LIMIT_LOGIN = 1  # five failures of an address, and fifty tries
    asking.endpoints()
    monkeypatch.setattr(asking, "ASKING", Bounded("", at_once=0, patience_s=0, places=Places(0)))
    assert [client.get(junk_from(client)).status_code for _ in range(50)] == [503] * 50
    page = client.post(LOGIN, {"username": "mia", "password": PASSWORD}).content.decode()
    assert "Too many logins" in page


def test_a_crowd_that_waits_for_the_provider_is_refused_at_once(
    provider: Provider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        asking, "ASKING", Bounded("sign-ins wait for the provider", at_once=0, patience_s=0, places=Places(0))
    )
    answer = client.get(BEGIN)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert provider.asked == []
