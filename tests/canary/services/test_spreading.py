"""When a change that was read is in force, in a process that is one of several: together to v2, at once back to v1."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from canary.core.values import Identity
from canary.state import store
from canary.state.store import ALL_HAVE_READ_AFTER_S
from tests.canary.services.conftest import Change

BEGIN = datetime.datetime(2026, 12, 1, 12, tzinfo=datetime.UTC)
Decide = Callable[..., None]
passed_s = [0.0]
"""Since BEGIN."""


def clock() -> float:
    return BEGIN.timestamp() + passed_s[0]


@pytest.fixture
def decide(change: Change, rollout: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Decide:
    """`decide("set_weight", weight_bp=500)`: a change now, which a process that is one of several has just read."""
    rollout(CLOCK=f"{__name__}.clock")
    passed_s[0] = 0.0

    def call(service: str, **arguments: Any) -> None:
        change(service, now=BEGIN + datetime.timedelta(seconds=passed_s[0]), **arguments)
        store.refresh()

    call("set_weight", weight_bp=1_000)
    monkeypatch.setattr(store, "_waits_for_others", True)
    return call


def weight_bp() -> int:
    return store.current_snapshot().weight_bp


def test_a_raised_weight_waits_until_all_have_read_it(decide: Decide) -> None:
    decide("set_weight", weight_bp=5_000)
    for share in (0, 0.5, 0.99):
        passed_s[0] = share * ALL_HAVE_READ_AFTER_S
        assert weight_bp() == 1_000
        assert store.comes_in_s() == pytest.approx((1 - share) * ALL_HAVE_READ_AFTER_S, abs=1e-5)
    passed_s[0] = ALL_HAVE_READ_AFTER_S
    assert (weight_bp(), store.comes_in_s()) == (5_000, None)


def test_changes_that_keep_coming_hold_no_earlier_one_up(decide: Decide) -> None:
    decide("set_weight", weight_bp=5_000)
    weights = []
    for number in range(16):
        passed_s[0] = number / 10 * ALL_HAVE_READ_AFTER_S
        decide("add_to_list", list="allow", identity=Identity("client", f"c{number}"))
        weights.append(weight_bp())
    assert weights == [1_000] * 10 + [5_000] * 6


def test_a_rollback_is_in_force_at_once_whatever_was_on_its_way(decide: Decide) -> None:
    decide("set_weight", weight_bp=5_000)
    decide("add_to_list", list="allow", identity=Identity("client", "c"))
    decide("roll_back")
    assert (weight_bp(), store.current_snapshot().latched) == (0, True)


def test_a_lowered_weight_is_in_force_at_once(decide: Decide) -> None:
    decide("set_weight", weight_bp=100)
    assert weight_bp() == 100
