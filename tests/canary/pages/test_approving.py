"""The page while a step up waits for a second person: who asked, the preview of what was asked for, and the buttons."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from canary import services
from canary.models import Rollout
from tests.canary.pages.conftest import ADDRESS

pytestmark = pytest.mark.django_db
Send = Callable[..., Any]
SignedIn = Callable[..., Client]


@pytest.fixture(autouse=True)
def _approval_is_needed(settings: Settings) -> None:
    settings.CANARY = {**settings.CANARY, "APPROVAL": True}


def weight_bp() -> int:
    return Rollout.objects.get(pk=1).weight_bp


def test_one_asks_and_another_approves(signed_in_with: SignedIn, ask_and_send: Send) -> None:
    anna, ben = signed_in_with("view", "ramp"), signed_in_with("view", "ramp", role="author")
    asked = anna.get(f"{ADDRESS}do/set/", {"show": "1", "percent": "25"}).content.decode()
    assert "A second person has to approve this first." in asked
    assert "0 % → 25 %" in asked
    ask_and_send(anna, "set", percent="25", reason="looks good")
    page = ben.get(ADDRESS).content.decode()
    assert "Waiting for approval: 25 %" in page
    assert "asked for it: looks good" in page
    assert weight_bp() == 0
    own = anna.get(f"{ADDRESS}do/approve/", {"show": "1"}).content.decode()
    assert "The person who asked for this change can&#x27;t approve it." in own
    ask_and_send(ben, "approve")
    assert weight_bp() == 2_500


def test_a_change_is_rejected(signed_in_with: SignedIn, ask_and_send: Send) -> None:
    anna = signed_in_with("view", "ramp")
    ask_and_send(anna, "set", percent="25")
    ask_and_send(anna, "reject")
    assert (weight_bp(), Rollout.objects.get(pk=1).request) == (0, None)
    assert "Waiting for approval" not in anna.get(ADDRESS).content.decode()


@pytest.mark.parametrize("typed", ["9999-12-31T23:59-12:00", "2026-13-45T99:99Z"])
def test_a_reason_with_something_like_an_instant_is_shown_as_it_is(
    signed_in_with: SignedIn, ask_and_send: Send, typed: str
) -> None:
    anna, ben = signed_in_with("view", "ramp"), signed_in_with("view", "ramp", role="author")
    late = ask_and_send(
        ben, "set", percent="10", between=lambda: ask_and_send(anna, "set", percent="25", reason=f"until {typed}")
    )
    assert late.status_code == 409
    assert f"until {typed}" in late.content.decode()


def test_the_sunset_of_v1_is_asked_for_twice(signed_in_with: SignedIn, ask_and_send: Send) -> None:
    anna, ben = (signed_in_with("view", "ramp", "lifecycle", role=role) for role in ("editor", "author"))
    end = str(int(time.time()) + 3_600)
    services.life.deprecate(
        sunset_at=int(end), is_override=True, actor="user:0", reason="old", expected_version=None, now=timezone.now()
    )
    asked = anna.get(f"{ADDRESS}do/lifecycle/sunset/", {"show": "1", "override": "1"}).content.decode()
    assert "A second person has to approve this first." in asked
    ask_and_send(anna, "lifecycle/sunset", override="1")
    page = ben.get(ADDRESS).content.decode()
    assert "Waiting for approval: the sunset of v1" in page
    assert "do/approve/" not in page
    ask_and_send(ben, "lifecycle/sunset", override="1")
    assert Rollout.objects.get(pk=1).lifecycle["state"] == "sunset"
