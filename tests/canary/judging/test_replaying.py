"""`canary replay`: what the controller concluded comes out again of what it kept, and an alteration is found."""

import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import transaction

from canary.core.judgements import Judgement
from canary.judging.controller import Controller
from canary.models import (
    EvidenceCheckpoint,
    Observation,
    QueryFinding,
    Rollout,
    RolloutEvent,
    ShadowDifference,
    Verdict,
)
from canary.reporting.replaying import replay
from tests.canary.judging.conftest import Change, Clock, row
from tests.canary.judging.crowd import arrive, observation_of

Turn = Callable[[], Judgement | None]
RELEASE = 2
"""The row begins with the first; `start` begins another."""


def fails_on_v2(number: int, api_version: int) -> bool:
    return number % 20 == 0 if api_version == 2 else number % 100 == 0


@pytest.fixture
def plan(change: Change) -> Rollout:
    return change("start_plan", steps_bp=[2_000, 10_000], min_s=60, is_fresh_cohort=False)


@pytest.fixture
def promoted(plan: Rollout, turn: Turn, clock: Clock) -> None:
    """No data, too early, a step, and no data at the next one."""
    turn()
    arrive(range(1_000))
    turn()
    clock.pass_s(61)
    turn()
    assert row().weight_bp == 10_000


@pytest.fixture
def rolled_back(plan: Rollout, turn: Turn, clock: Clock) -> None:
    """Waiting, a hold by the controller, and a rollback with the evidence of pairs."""
    arrive(range(200))
    turn()
    clock.pass_s(61)
    turn()
    for number in range(12):
        pair = observation_of(plan, number, 2, "pair_error")
        pair.value = 1.0
        pair.save()
    clock.pass_s(1)
    turn()
    assert row().latched


def results(now: datetime.datetime) -> list[tuple[str, str]]:
    return [(one["what"], one["result"]) for one in replay(RELEASE, now)["results"]]


def test_a_release_that_was_promoted_comes_out_again(promoted: None, clock: Clock) -> None:
    found = replay(RELEASE, clock.now)
    assert "error" not in found
    assert [(one["what"], one["result"]) for one in found["results"]] == [
        ("verdict", "equal"),
        ("verdict", "equal"),
        ("verdict", "equal"),
        ("promote", "equal"),
    ]
    assert found["results"][-1]["observations"] == Observation.objects.count()
    assert (found["missing"], found["checkpoint"]) == (0, "equal")


def test_a_release_that_was_rolled_back_comes_out_again(
    rolled_back: None, clock: Clock, run_canary: Callable[..., str]
) -> None:
    found = results(clock.now)
    assert sorted(what for what, _ in found) == ["hold", "rollback", "verdict", "verdict"]
    assert {result for _, result in found} == {"equal"}
    assert "Release 2: 4 equal, 0 unequal, 0 unknown." in run_canary("replay", "2")


def test_findings_that_grew_since_do_not_matter(plan: Rollout, turn: Turn, clock: Clock) -> None:
    seen = {"first_seen_at": clock.now, "last_seen_at": clock.now}
    repeated = {"route": "GET /posts", "fingerprint": "ab", "statement": "SELECT 1", "repeats_max": 30, "requests": 9}
    QueryFinding.objects.create(release=plan.release, api_version=2, **repeated, **seen)
    gap = {"route": "GET /posts", "path": "title", "kind": "value", "count": 4, "example": {}}
    ShadowDifference.objects.create(release=plan.release, **gap, **seen)
    arrive(range(300))
    assert (turn() or Judgement("", "")).reason == "finding"
    QueryFinding.objects.update(repeats_max=90)
    ShadowDifference.objects.all().delete()
    assert {result for _, result in results(clock.now)} == {"equal"}


def test_leaders_that_take_turns_leave_verdicts_that_come_out_again(plan: Rollout, clock: Clock) -> None:
    for start in range(0, 600, 200):
        controller = Controller(clock)
        arrive(range(start, start + 200), fails_on_v2)
        assert controller.lead()
        controller.turn()
        controller.finish()
        clock.pass_s(20)
    found = replay(RELEASE, clock.now)
    assert (found["counts"]["unequal"], found["counts"]["unknown"], found["checkpoint"]) == (0, 0, "equal")


def alter_observation() -> None:
    first = Observation.objects.filter(metric="settled").earliest("sequence")
    Observation.objects.filter(pk=first.pk).update(metric="error")


def alter_side() -> None:
    last = Observation.objects.filter(api_version=1).latest("sequence")
    Observation.objects.filter(pk=last.pk).update(api_version=2)


def alter_kind() -> None:
    Verdict.objects.filter(kind="hold").update(kind="pass")


def alter_sentence() -> None:
    Verdict.objects.filter(pk=Verdict.objects.latest("pk").pk).update(sentence="Pass: all is well.")


def alter_number() -> None:
    verdict = Verdict.objects.latest("pk")
    verdict.numbers["safe"]["clean"] += 1
    verdict.save()


def alter_count() -> None:
    verdict = Verdict.objects.latest("pk")
    verdict.numbers["observations"] += 1
    verdict.save()


def alter_change() -> None:
    event = RolloutEvent.objects.filter(actor="controller").latest("version")
    event.after["weight_bp"] = 9_000
    event.save()


def delete_observation() -> None:
    Observation.objects.earliest("sequence").delete()


ALTERATIONS = (
    *(alter_observation, alter_side, alter_kind, alter_sentence),
    *(alter_number, alter_count, alter_change, delete_observation),
)


def test_one_alteration_is_found(promoted: None, clock: Clock, run_canary: Callable[..., str]) -> None:
    for alter in ALTERATIONS:
        with transaction.atomic():
            alter()
            assert replay(RELEASE, clock.now)["counts"]["unequal"], alter.__name__
            with pytest.raises(CommandError, match="do not come out again"):
                run_canary("replay", "2")
            transaction.set_rollback(True)
    assert "error" not in replay(RELEASE, clock.now)


def test_an_observation_after_the_last_verdict_is_compared_with_the_checkpoint(
    promoted: None, controller: Controller, clock: Clock
) -> None:
    arrive(range(2_000, 2_100))
    controller.lead()
    controller.turn()
    controller.finish()
    Verdict.objects.filter(stage=row().stage).delete()
    last = Observation.objects.filter(metric="seen").latest("sequence")
    Observation.objects.filter(pk=last.pk).update(unit="f" * 32)
    found = replay(RELEASE, clock.now)
    assert (found["counts"]["unequal"], found["checkpoint"]) == (0, "unequal")
    assert found["error"] == "The checkpoint of the evidence does not come out again."


def test_of_what_was_pruned_nothing_is_guessed(
    promoted: None, controller: Controller, turn: Turn, clock: Clock, run_canary: Callable[..., str]
) -> None:
    """Verdicts before the checkpoint are unknown then, and those after it go on from there."""
    controller.finish()
    arrive(range(5_000, 5_400))
    controller.lead()
    turn()
    saved = EvidenceCheckpoint.objects.get()
    Observation.objects.filter(sequence__lte=min(saved.sequence, 1_000)).delete()
    later = clock.now + datetime.timedelta(days=31)
    found = replay(RELEASE, later)
    assert found["missing"] == 1_000
    by_result = {one["result"] for one in found["results"]}
    assert by_result == {"equal", "unknown"}
    assert "error" not in found
    assert {one["why"] for one in found["results"] if one["result"] == "unknown"} == {
        "observations that it rests on were deleted"
    }


def test_a_verdict_without_its_inputs_is_unknown(promoted: None, clock: Clock) -> None:
    """As an older release wrote it."""
    for verdict in Verdict.objects.all():
        del verdict.numbers["inputs"]
        verdict.save()
    assert results(clock.now)[:3] == [("verdict", "unknown")] * 3


def test_a_release_without_a_verdict_is_refused(plan: Rollout, run_canary: Callable[..., str]) -> None:
    with pytest.raises(CommandError, match="Release 7 has no verdict"):
        run_canary("replay", "7")


def test_the_result_is_json(promoted: None, run_canary: Callable[..., str]) -> None:
    told: dict[str, Any] = json.loads(run_canary("replay", "2", "--json"))
    assert told["counts"] == {"equal": 4, "unequal": 0, "unknown": 0}
    assert {"what", "at", "version", "stage", "sentence", "result", "differs", "why"} <= set(told["results"][0])
