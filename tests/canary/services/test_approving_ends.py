"""A second person and the life of v1: what takes it from its clients waits for the same verb of somebody else."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from canary import services
from canary.core.lifecycle import BROWNOUT, DEPRECATED, SUNSET
from canary.errors import Refused
from canary.models import Rollout, RolloutEvent
from canary.reporting.history import first_broken_version
from canary.services import life
from tests.canary.services.conftest import row

ANNA, BEN = "user:1", "user:2"


@pytest.fixture(autouse=True)
def _approval_is_needed(rollout: Callable[..., None], db: None) -> None:
    rollout(APPROVAL=True)


def ending(service: Callable[..., Rollout], actor: str, now: datetime.datetime, **more: Any) -> Rollout:
    return service(**{"actor": actor, "reason": "v1 is old", "expected_version": None, "now": now, **more})


def last() -> RolloutEvent:
    return RolloutEvent.objects.latest("version")


def deprecated(now: datetime.datetime) -> int:
    """Deprecate v1, which waits for nobody; the instant of its end."""
    sunset_at = int(now.timestamp()) + 3_600
    ending(life.deprecate, ANNA, now, sunset_at=sunset_at, is_override=True)
    return sunset_at


def test_an_end_of_v1_waits_until_somebody_else_asks_for_the_same(now: datetime.datetime) -> None:
    deprecated(now)
    ending(life.sunset, ANNA, now, is_override=True, reason="v1 is old")
    assert (row().lifecycle["state"], last().verb) == (DEPRECATED, "request")
    ending(life.sunset, "key:ab12 user:1", now, is_override=True)  # the same person
    assert row().lifecycle["state"] == DEPRECATED
    ending(life.sunset, BEN, now, is_override=True)
    assert (row().lifecycle["state"], row().request) == (SUNSET, None)
    assert (last().verb, last().actor, (last().evidence or {})["request"]["actor"]) == (
        "lifecycle sunset",
        BEN,
        "key:ab12 user:1",
    )
    assert first_broken_version() is None


def test_a_brownout_waits_for_the_same_window_and_restoring_never_waits(now: datetime.datetime) -> None:
    sunset_at = deprecated(now)
    window = (sunset_at - 900, sunset_at - 600)
    ending(life.add_brownout, ANNA, now, window=window, is_override=True)
    ending(life.add_brownout, BEN, now, window=(window[0], sunset_at), is_override=True)
    assert (row().lifecycle["state"], (row().request or {})["actor"]) == (DEPRECATED, BEN)
    ending(life.add_brownout, ANNA, now, window=(window[0], sunset_at), is_override=True)
    assert row().lifecycle["state"] == BROWNOUT
    ending(life.sunset, ANNA, now, is_override=True)
    ending(life.restore, ANNA, now)
    assert (row().lifecycle["state"], row().request) == (DEPRECATED, None)


def test_only_its_own_verb_approves_an_end_of_v1(now: datetime.datetime) -> None:
    """The permission for steps up is not that for v1's life."""
    deprecated(now)
    ending(life.sunset, ANNA, now, is_override=True)
    with pytest.raises(Refused, match="by the verb that asked for it: `lifecycle sunset`"):
        ending(services.approve_request, BEN, now)
    assert row().lifecycle["state"] == DEPRECATED
    ending(services.reject_request, BEN, now)
    assert row().request is None


def test_an_end_of_v1_that_would_be_refused_is_refused_at_once(now: datetime.datetime) -> None:
    deprecated(now)
    with pytest.raises(Refused, match="No brownout was held"):
        ending(life.sunset, ANNA, now)
    assert row().request is None
