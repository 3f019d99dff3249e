"""The environment's percentage as a door: it counts when it is new, and never against a latch."""

import datetime
from collections.abc import Callable

import pytest

from canary.models import Rollout, RolloutEvent
from canary.services import apply_environment
from canary.state import store

Change = Callable[..., Rollout]


@pytest.fixture
def weight_after(change: Change, now: datetime.datetime) -> Callable[[int | None], int]:
    """The weight in force after a server process has started with this percentage."""

    def start(weight_bp: int | None) -> int:
        apply_environment(weight_bp, now)
        return store.refresh().weight_bp

    return start


def test_without_an_opinion_nothing_is_stored(weight_after: Callable[..., int]) -> None:
    assert weight_after(None) == 0
    assert not Rollout.objects.exists()


def test_with_nothing_stored_the_value_is_the_weight(weight_after: Callable[..., int]) -> None:
    assert weight_after(2_500) == 2_500
    event = RolloutEvent.objects.get()
    assert (event.verb, event.actor, event.reason) == ("environment", "environment", "API_V2_TRAFFIC_PERCENTAGE=25")


def test_the_same_value_again_undoes_nothing_that_was_decided_since(
    weight_after: Callable[..., int], change: Change
) -> None:
    weight_after(2_500)
    change("set_weight", weight_bp=700)
    assert weight_after(2_500) == 700
    assert weight_after(None) == 700
    assert weight_after(2_500) == 700
    assert weight_after(3_000) == 3_000


def test_a_value_that_a_latch_refused_is_not_brought_back_by_restart_or_acknowledgement(
    weight_after: Callable[..., int], change: Change
) -> None:
    weight_after(1_000)
    change("roll_back")
    assert weight_after(10_000) == 0
    assert RolloutEvent.objects.get(version=3).after["latched"]
    assert weight_after(10_000) == 0
    change("acknowledge")
    assert weight_after(10_000) == 0
    assert weight_after(500) == 500


def test_a_new_value_pauses_a_running_plan(weight_after: Callable[..., int], change: Change) -> None:
    change("start_plan", steps_bp=[1_000, 5_000], min_s=0, is_fresh_cohort=False)
    assert weight_after(2_000) == 2_000
    plan = Rollout.objects.get().plan
    assert plan is not None
    assert (plan["state"], plan["step"]) == ("paused", 0)


def test_a_change_by_command_takes_no_percentage_over(change: Change, rollout: Callable[..., None]) -> None:
    rollout(weight_bp=5_000)
    assert store.current_snapshot().weight_bp == 5_000
    row = change("set_weight", weight_bp=0)
    assert (row.weight_bp, row.environment_seen_bp) == (0, None)


def test_with_v1_switched_off_what_is_stored_of_its_life_does_not_move(
    change: Change, rollout: Callable[..., None]
) -> None:
    change("set_weight", weight_bp=100)
    rollout(IS_V1_ENABLED=False)
    snapshot = store.refresh()
    assert (snapshot.is_stable_enabled, snapshot.life.state, snapshot.weight_bp) == (False, "active", 100)
