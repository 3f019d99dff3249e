"""What the controller does about what it sees, and what it leaves to people."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError

from canary.core.breakers import Limits
from canary.core.judgements import Judgement
from canary.judging.controller import Controller, Loop
from canary.judging.judging import gaps_of
from canary.models import Observation, Rollout, RolloutEvent, ShadowDifference, Verdict
from tests.canary.judging.conftest import Change, Clock, plan_state, row
from tests.canary.judging.crowd import arrive, observation_of

Turn = Callable[[], Judgement | None]
STEPS_BP = [1_000, 5_000, 9_000, 10_000]
MIN_S = 60


@pytest.fixture
def plan(change: Change) -> Rollout:
    return change("start_plan", steps_bp=STEPS_BP, min_s=MIN_S, is_fresh_cohort=False)


def by_controller() -> list[RolloutEvent]:
    return list(RolloutEvent.objects.filter(actor="controller").order_by("version"))


def fails_on_v2(number: int, api_version: int) -> bool:
    return number % 20 == 0 if api_version == 2 else number % 100 == 0


def test_a_healthy_version_goes_through_its_plan_by_itself(plan: Rollout, turn: Turn, clock: Clock) -> None:
    for step_bp in STEPS_BP:
        assert row().weight_bp == step_bp
        arrive(range(2_500))
        early = turn()
        assert (early.kind, early.reason, row().weight_bp) == ("hold", "too_early", step_bp)
        clock.pass_s(MIN_S + 1)
        assert turn().kind == "pass"
    assert (row().weight_bp, plan_state()) == (10_000, "done")
    assert turn().kind == "pass"
    events = by_controller()
    assert [(event.verb, event.after["weight_bp"]) for event in events[:3]] == [
        ("promote", 5_000),
        ("promote", 9_000),
        ("promote", 10_000),
    ]
    assert "Pass at 10 %" in events[0].reason
    assert (events[0].evidence or {})["safe"]["is_safe"]


def test_five_times_the_errors_are_rolled_back_with_the_numbers_and_latched(plan: Rollout, turn: Turn) -> None:
    arrive(range(2_000), fails_on_v2)
    assert turn().kind == "harm"
    [event] = by_controller()
    assert (event.verb, event.after["weight_bp"], event.after["latched"]) == ("rollback", 0, True)
    assert "Harm at 10 %" in event.reason
    errors = (event.evidence or {})["error"]
    assert errors["on_v2"] > errors["expected"]
    assert row().plan is None


@pytest.mark.parametrize(("max_errors_bp", "kind"), [(200, "hold"), (500, "pass")])
def test_a_hundred_users_rule_out_a_declared_limit_of_5_percent_and_not_of_2(
    change: Change, turn: Turn, max_errors_bp: int, kind: str
) -> None:
    limits = Limits(max_errors_bp=max_errors_bp)
    change("start_plan", steps_bp=STEPS_BP, min_s=0, is_fresh_cohort=False, limits=limits)
    arrive(range(1_000))
    assert turn().kind == kind


@pytest.mark.parametrize("state", ["none", "paused", "held", "done"])
def test_the_guard_needs_no_running_plan(change: Change, turn: Turn, state: str) -> None:
    if state == "none":
        change("set_weight", weight_bp=2_000)
    else:
        change("start_plan", steps_bp=[2_000] if state == "done" else STEPS_BP, min_s=0, is_fresh_cohort=False)
    if state in ("paused", "held"):
        change("pause_plan" if state == "paused" else "hold_plan")
    arrive(range(2_000), fails_on_v2)
    turn()
    assert (row().weight_bp, row().latched) == (0, True)
    assert [event.verb for event in by_controller()] == ["rollback"]


def test_what_is_rolled_back_is_not_rolled_back_again(plan: Rollout, turn: Turn) -> None:
    arrive(range(2_000), fails_on_v2)
    for _ in range(3):
        turn()
    assert len(by_controller()) == 1


def test_waiting_is_held_once_after_the_minimum_time_and_ends_by_itself(
    plan: Rollout, turn: Turn, clock: Clock
) -> None:
    arrive(range(200))
    assert turn().reason == "not_safe"
    assert by_controller() == []
    clock.pass_s(MIN_S + 1)
    turn()
    turn()
    [held] = by_controller()
    assert (held.verb, plan_state()) == ("hold", "held")
    assert "Missing:" in held.reason
    arrive(range(200, 2_500))
    assert turn().kind == "pass"
    assert (row().weight_bp, plan_state()) == (5_000, "running")


def test_nine_users_whose_reads_v2_alone_fails_are_enough_to_roll_back(plan: Rollout, turn: Turn) -> None:
    """Of the 1,000 users on the entrance a hundred are on v2: those who fail there are too few for another test."""
    for users in (8, 9):
        number = users - 1
        pairs = [observation_of(plan, n, 2, "pair_error") for n in ([*range(8)] if users == 8 else [number])]
        for pair in pairs:
            pair.value = 1.0
        Observation.objects.bulk_create(pairs)
        judgement = turn()
        assert (judgement.kind == "harm", row().weight_bp == 0) == (users == 9, users == 9)
    [event] = by_controller()[-1:]
    assert "of 9 requests that one version alone failed, v2 failed 9" in event.reason
    assert (event.evidence or {})["pairs"]["errors"] == {"votes": 9, "against": 9}


@pytest.mark.parametrize(
    ("kind", "count", "holds"),
    [("status", 1, True), ("side_effect", 1, True), ("sql", 2, False), ("sql", 3, True), ("refusal", 1_000, False)],
)
def test_what_pairs_find_holds_once_it_was_seen_often_enough(
    plan: Rollout, now: datetime.datetime, kind: str, count: int, holds: bool
) -> None:
    """One client's odd requests are refused however often it sends them: its breaker counts users."""
    seen = {"count": count, "example": {}, "first_seen_at": now, "last_seen_at": now}
    ShadowDifference.objects.create(release=plan.release, route="GET /posts", path="", kind=kind, **seen)
    assert bool(gaps_of(plan.release)) is holds


def test_a_difference_that_shadow_reads_found_is_held_at_once(plan: Rollout, turn: Turn, clock: Clock) -> None:
    seen = {"first_seen_at": clock.now, "last_seen_at": clock.now, "count": 4, "example": {}}
    gap = ShadowDifference.objects.create(release=plan.release, route="GET /posts", path="title", kind="value", **seen)
    arrive(range(2_500))
    turn()
    [held] = by_controller()
    assert "GET /posts at title" in held.reason
    gap.delete()
    clock.pass_s(MIN_S + 1)
    turn()
    assert row().weight_bp == 5_000


def test_nobody_to_judge_by_is_no_data_and_no_reason_to_do_anything(plan: Rollout, turn: Turn, clock: Clock) -> None:
    clock.pass_s(MIN_S + 1)
    judgement = turn()
    assert judgement.kind == "no_data"
    assert "No data at 10 %" in Verdict.objects.get().sentence
    assert (by_controller(), plan_state()) == ([], "running")


def test_a_change_by_hand_in_between_wins(plan: Rollout, turn: Turn, clock: Clock, change: Change) -> None:
    arrive(range(2_500))
    clock.pass_s(MIN_S + 1)
    clock.meanwhile = [lambda: change("set_weight", weight_bp=300)]
    turn()
    assert (by_controller(), row().weight_bp) == ([], 300)
    turn()
    assert (by_controller(), plan_state()) == ([], "paused")


def test_a_paused_plan_that_passes_is_left_to_whoever_paused_it(
    plan: Rollout, turn: Turn, clock: Clock, change: Change
) -> None:
    change("pause_plan")
    arrive(range(2_500))
    clock.pass_s(MIN_S + 1)
    assert turn().kind == "pass"
    assert (by_controller(), row().weight_bp, plan_state()) == ([], STEPS_BP[0], "paused")


def test_evidence_against_one_release_does_not_roll_back_the_next(
    plan: Rollout, turn: Turn, clock: Clock, change: Change
) -> None:
    def begin_anew() -> None:
        change("roll_back")
        change("acknowledge")
        change("start_plan", steps_bp=STEPS_BP, min_s=MIN_S, is_fresh_cohort=True)

    arrive(range(2_000), fails_on_v2)
    clock.meanwhile = [begin_anew]
    assert turn().kind == "harm"
    assert (by_controller(), row().weight_bp) == ([], 1_000)
    assert turn().kind == "no_data"


def test_while_v1_is_gone_harm_is_said_and_nothing_is_rolled_back(
    plan: Rollout, turn: Turn, rollout: Callable[..., None], caplog: Any
) -> None:
    rollout(IS_V1_ENABLED=False)
    arrive(range(2_000), fails_on_v2)
    turn()
    turn()
    assert (by_controller(), row().weight_bp) == ([], 1_000)
    assert [record.levelname for record in caplog.records if "refused" in record.message] == ["ERROR"]
    assert Verdict.objects.latest("pk").kind == "harm"


def test_without_a_stored_rollout_there_is_nothing_to_do(turn: Turn) -> None:
    assert turn() is None
    assert not Rollout.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("error", "beats"), [(ValueError("a bug"), 1), (OperationalError("away"), 2)], ids=["a bug", "an outage"]
)
def test_a_controller_whose_turns_fail_by_a_bug_stops_beating(
    plan: Rollout, controller: Controller, clock: Clock, error: Exception, beats: int
) -> None:
    def fail() -> None:
        raise error

    beaten: list[bool] = []
    loop = Loop(controller, 0.0, lambda: beaten.append(True))
    loop.step()
    clock.meanwhile.append(fail)
    loop.step()
    assert len(beaten) == beats
