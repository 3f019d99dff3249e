"""Identities without a credential across another SECRET_KEY: nobody who sends the cookie moves, and no forgery is let in."""

import datetime
from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from canary import services
from canary.core.values import Identity
from canary.models import Rollout
from canary.requests.identity import COOKIE, parse_cookie
from canary.state import store

VISITORS = 200
EARLIER, LATER = "an earlier key of forty characters or more", "a later key that has forty characters or more"
HALF: dict[str, object] = {"weight_bp": 5_000, "actor": "tester", "reason": "a test", "expected_version": None}


@pytest.fixture
def stored(rollout: Callable[..., None], settings: Settings, now: datetime.datetime, db: None) -> None:
    """A rollout at 50 % that was made under the earlier key."""
    settings.SECRET_KEY = EARLIER
    services.set_weight(now=now, **HALF)  # type: ignore[arg-type]
    store.refresh()


def answers(browsers: list[Client], net: str) -> list[str]:
    """The version that each gets, from another address."""
    return [
        browser.get("/api/posts", REMOTE_ADDR=f"{net}.{number}").headers["API-Version"]
        for number, browser in enumerate(browsers)
    ]


@pytest.mark.parametrize("net", ["192.0.2", "198.51.100"], ids=["where they were", "elsewhere"])
def test_another_secret_key_moves_nobody_who_sends_the_cookie(stored: None, settings: Settings, net: str) -> None:
    browsers = [Client() for _ in range(VISITORS)]
    before = answers(browsers, "192.0.2")
    assert 0 < before.count("2") < VISITORS
    settings.SECRET_KEY = LATER
    assert answers(browsers, net) == before


def test_another_secret_key_moves_nobody_who_sends_none_from_the_same_place(stored: None, settings: Settings) -> None:
    before = answers([Client() for _ in range(VISITORS)], "192.0.2")
    settings.SECRET_KEY = LATER
    assert answers([Client() for _ in range(VISITORS)], "192.0.2") == before


def test_an_upgrade_moves_nobody(stored: None, settings: Settings, now: datetime.datetime) -> None:
    """A row of an older release has no keys: its first change keeps those that are in force."""
    Rollout.objects.update(anonymous_key="", cookie_key="")
    store.refresh()
    browsers = [Client() for _ in range(VISITORS)]
    before = answers(browsers, "192.0.2")
    services.set_weight(now=now, **HALF)  # type: ignore[arg-type]
    assert store.refresh().cookie_key
    assert answers(browsers, "198.51.100") == before
    assert answers([Client() for _ in range(VISITORS)], "192.0.2") == before


def test_processes_of_an_older_release_know_the_cookies_of_this_one(stored: None) -> None:
    """They sign by SECRET_KEY alone, as this one does until a rollout is stored."""
    browser = Client()
    browser.get("/api/posts")
    signed = browser.cookies[COOKIE].value
    store.forget()
    assert store.current_snapshot().cookie_key == b""
    assert parse_cookie(signed) is not None


def test_a_cookie_that_was_signed_while_no_rollout_was_known_is_believed_later(
    stored: None, settings: Settings
) -> None:
    settings.SECRET_KEY = LATER
    store.forget()
    browser = Client()
    browser.get("/api/posts", headers={"x-client-id": "app"})
    signed = browser.cookies[COOKIE].value
    store.refresh()
    assert parse_cookie(signed) == Identity("client", "app")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "one more key, forty characters or longer", [LATER]
    assert parse_cookie(signed) == Identity("client", "app")
    settings.SECRET_KEY_FALLBACKS = []
    assert parse_cookie(signed) is None


def test_a_fresh_cohort_ends_what_a_leaked_key_could_sign(
    stored: None, settings: Settings, now: datetime.datetime
) -> None:
    browser = Client()
    browser.get("/api/posts", headers={"x-client-id": "app"})
    signed = browser.cookies[COOKIE].value
    settings.SECRET_KEY = LATER
    assert parse_cookie(signed) == Identity("client", "app")
    services.start_plan(
        steps_bp=[1_000, 5_000],
        min_s=0,
        is_fresh_cohort=True,
        actor="tester",
        reason="the key has leaked",
        expected_version=None,
        now=now,
    )
    store.refresh()
    assert parse_cookie(signed) is None
    browser.get("/api/posts", headers={"x-client-id": "app"})
    assert parse_cookie(browser.cookies[COOKIE].value) == Identity("client", "app")


def test_a_changed_cookie_is_refused_under_every_key(stored: None, settings: Settings) -> None:
    settings.SECRET_KEY_FALLBACKS = [LATER]
    browser = Client()
    browser.get("/api/posts")
    signed = browser.cookies[COOKIE].value
    kind, encoded, signature = signed.split(".")
    forged = [f"user.{encoded}.{signature}", f"{kind}.{encoded}x.{signature}", f"{kind}.{encoded}.{signature[::-1]}"]
    assert [parse_cookie(text) for text in (*forged, f"{kind}.{encoded}.")] == [None] * 4
    assert parse_cookie(signed) is not None


def test_no_key_is_shown_where_a_snapshot_is(stored: None) -> None:
    shown = repr(store.current_snapshot())
    assert "_key" not in shown
