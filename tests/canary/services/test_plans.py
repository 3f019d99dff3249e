"""The verbs of a plan, in the order in which an operator may use them."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from canary.core.breakers import Limits
from canary.core.plans import FULL_BP, fault_of_steps, next_step_bp, reached_step
from canary.errors import Refused
from canary.judging.breaking import limits_of
from canary.models import Rollout
from canary.state.status import status

Change = Callable[..., Rollout]
STEPS_BP = [1_000, 5_000, 9_000, 10_000]


@pytest.fixture
def started(change: Change) -> Change:
    change("start_plan", steps_bp=STEPS_BP, min_s=30, is_fresh_cohort=False)
    return change


def told(row: Rollout) -> tuple[int, Any, Any]:
    assert row.plan is not None
    return row.weight_bp, row.plan["state"], row.plan["step"]


def test_a_plan_begins_at_its_first_step_with_evidence_of_its_own(change: Change, now: datetime.datetime) -> None:
    before = change("set_weight", weight_bp=200)
    row = change("start_plan", steps_bp=STEPS_BP, min_s=30, is_fresh_cohort=False)
    assert told(row) == (1_000, "running", 0)
    assert (row.release, row.stage, row.salt) == (before.release + 1, 1, before.salt)
    assert status(now)["plan"] == {
        "steps_bp": STEPS_BP,
        "step": 0,
        "state": "running",
        "min_s": 30,
        "next_at": (now + datetime.timedelta(seconds=30)).isoformat(),
        "max_errors_bp": 200,
        "max_slowdown": 3.0,
        "max_crashes": 2,
        "max_refusals_bp": 500,
        "total_failure_bp": 9_000,
        **dict.fromkeys(("steps_at", "freezes", "time_zone")),
        "not_before": (now + datetime.timedelta(seconds=30)).isoformat(timespec="seconds"),
    }


def test_a_plan_declares_its_limits_once_for_all(change: Change, rollout: Callable[..., None]) -> None:
    change("start_plan", steps_bp=STEPS_BP, min_s=30, is_fresh_cohort=False, limits=Limits(150, 2.5))
    rollout(MAX_ERRORS_BP=500, MAX_SLOWDOWN=10.0)
    row = change("promote_plan")
    assert limits_of(row) == Limits(150, 2.5)
    row.plan = None
    assert limits_of(row) == Limits(500, 10.0)


def test_a_plan_of_an_older_release_takes_what_it_lacks_from_the_settings(change: Change) -> None:
    row = change("start_plan", steps_bp=STEPS_BP, min_s=30, is_fresh_cohort=False, limits=Limits(150, 2.5, 7))
    row.plan = {name: value for name, value in row.plan.items() if name != "max_crashes"}
    assert limits_of(row) == Limits(150, 2.5)


@pytest.mark.parametrize(
    "limits",
    [
        *(Limits(0), Limits(5_001), Limits(max_slowdown=1.1), Limits(max_slowdown=101), Limits(max_crashes=-1)),
        *(Limits(max_refusals_bp=0), Limits(total_failure_bp=4_999), Limits(total_failure_bp=10_001)),
    ],
)
def test_limits_that_can_not_be_are_refused(change: Change, limits: Limits) -> None:
    with pytest.raises(Refused) as caught:
        change("start_plan", steps_bp=STEPS_BP, min_s=30, is_fresh_cohort=False, limits=limits)
    assert caught.value.code == "bad-plan"


def test_a_fresh_cohort_draws_everybody_anew(change: Change) -> None:
    before = change("set_weight", weight_bp=0)
    assert change("start_plan", steps_bp=[500], min_s=0, is_fresh_cohort=True).salt != before.salt


@pytest.mark.parametrize("state", ["running", "paused", "held"])
def test_a_second_plan_is_refused_while_one_is_active(started: Change, state: str) -> None:
    if state != "running":
        started({"paused": "pause_plan", "held": "hold_plan"}[state])
    with pytest.raises(Refused) as caught:
        started("start_plan", steps_bp=[100], min_s=0, is_fresh_cohort=False)
    assert caught.value.code == "plan-active"


def test_promote_takes_the_steps_one_by_one_and_the_last_ends_the_plan(started: Change) -> None:
    assert [told(started("promote_plan")) for _ in range(3)] == [
        (5_000, "running", 1),
        (9_000, "running", 2),
        (10_000, "done", 3),
    ]
    with pytest.raises(Refused):
        started("promote_plan")
    started("start_plan", steps_bp=[100], min_s=0, is_fresh_cohort=False)


def test_set_pauses_a_running_plan_and_resume_goes_on_above_the_weight(started: Change) -> None:
    assert told(started("set_weight", weight_bp=6_000)) == (6_000, "paused", 1)
    assert told(started("resume_plan")) == (6_000, "running", 1)
    assert told(started("promote_plan")) == (9_000, "running", 2)


def test_below_the_first_step_a_plan_goes_on_with_the_first(started: Change) -> None:
    assert told(started("set_weight", weight_bp=500)) == (500, "paused", None)
    assert told(started("promote_plan")) == (1_000, "paused", 0)


def test_pause_keeps_the_weight_and_resume_waits_the_minimum_time_again(
    started: Change, now: datetime.datetime
) -> None:
    paused = started("pause_plan")
    assert told(paused) == (1_000, "paused", 0)
    assert paused.plan is not None
    assert paused.plan["next_at"] is None
    later = now + datetime.timedelta(hours=1)
    resumed = started("resume_plan", now=later)
    assert resumed.plan is not None
    assert resumed.plan["next_at"] == (later + datetime.timedelta(seconds=30)).isoformat()


def test_a_held_plan_goes_on_by_promote_or_resume_or_is_paused(started: Change) -> None:
    assert told(started("hold_plan", evidence={"missing": 12})) == (1_000, "held", 0)
    assert told(started("promote_plan")) == (5_000, "running", 1)
    started("hold_plan")
    assert told(started("resume_plan")) == (5_000, "running", 1)
    started("hold_plan")
    assert told(started("pause_plan")) == (5_000, "paused", 1)


def test_a_weight_set_at_the_end_of_the_plan_leaves_nothing_to_resume(started: Change) -> None:
    started("set_weight", weight_bp=FULL_BP)
    assert told(started("resume_plan")) == (10_000, "done", 3)


@pytest.mark.parametrize("service", ["pause_plan", "resume_plan", "promote_plan", "hold_plan"])
def test_without_a_plan_its_verbs_are_refused(change: Change, service: str) -> None:
    with pytest.raises(Refused, match="no plan"):
        change(service)


def test_acknowledging_leaves_no_plan(started: Change) -> None:
    started("roll_back")
    row = started("acknowledge")
    assert (row.weight_bp, row.plan) == (0, None)


@pytest.mark.parametrize(
    ("steps_bp", "min_s"),
    [([], 1), ([0], 1), ([10_001], 1), ([500, 500], 1), ([500, 400], 1), ([500], -1), ([500], 10**9), ([1] * 101, 1)],
)
def test_a_plan_that_can_not_be_is_refused(change: Change, steps_bp: list[int], min_s: int) -> None:
    assert fault_of_steps(steps_bp, min_s)
    with pytest.raises(Refused):
        change("start_plan", steps_bp=steps_bp, min_s=min_s, is_fresh_cohort=False)


@pytest.mark.parametrize(
    ("weight_bp", "reached", "ahead"),
    [(0, None, 1_000), (999, None, 1_000), (1_000, 0, 5_000), (9_999, 2, 10_000), (10_000, 3, None)],
)
def test_the_step_reached_and_the_one_ahead_follow_from_the_weight(
    weight_bp: int, reached: int | None, ahead: int | None
) -> None:
    assert (reached_step(STEPS_BP, weight_bp), next_step_bp(STEPS_BP, weight_bp)) == (reached, ahead)
