"""Starting, stopping and ending a crossover, and what it keeps from being changed meanwhile."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from canary.core.crossover import LEAD_S, crossover_from, running_crossover
from canary.core.values import parse_identity
from canary.errors import Refused
from canary.models import Rollout, RolloutEvent
from canary.reporting.history import first_broken_version
from canary.services import apply_environment
from canary.services.life import deprecate
from canary.state import store
from tests.canary.services.conftest import Change, row

CONSUMERS = ["key:ab12", "client:erp", "user:42"]


def start(change: Change, **more: Any) -> Rollout:
    return change("start_crossover", **{"consumers": CONSUMERS, "period_s": 60.0, "pairs": 10, **more})


def stored(of: Rollout) -> dict[str, Any]:
    assert of.crossover is not None
    return {**of.crossover}


def last() -> RolloutEvent:
    return RolloutEvent.objects.latest("version")


def test_it_begins_a_release_at_no_weight_in_a_moment_that_all_processes_know(
    change: Change, now: datetime.datetime
) -> None:
    change("set_weight", weight_bp=0)
    started = start(change)
    crossover = crossover_from(started.crossover)
    assert crossover is not None
    assert (started.release, started.stage, started.weight_bp, started.plan) == (2, 1, 0, None)
    assert crossover.started_at == pytest.approx(now.timestamp() + LEAD_S, abs=0.001)
    assert [*crossover.consumers] == CONSUMERS
    assert store.refresh().crossover == crossover
    assert (last().verb, last().after["crossover"]) == ("crossover start", started.crossover)
    assert first_broken_version() is None


def test_meanwhile_no_weight_no_plan_and_no_second_one(change: Change) -> None:
    start(change)
    for service, arguments in (
        ("set_weight", {"weight_bp": 100}),
        ("start_plan", {"steps_bp": [100], "min_s": 0, "is_fresh_cohort": False}),
        ("start_crossover", {"consumers": CONSUMERS, "period_s": 60.0, "pairs": 10}),
    ):
        with pytest.raises(Refused, match="`crossover stop` ends it") as refused:
            change(service, **arguments)
        assert refused.value.code == "crossover-running"


def test_a_percentage_of_the_environment_counts_as_seen_and_moves_nobody(
    change: Change, now: datetime.datetime
) -> None:
    start(change)
    apply_environment(2_500, now)
    assert (row().weight_bp, row().environment_seen_bp) == (0, 2_500)
    assert running_crossover(row().crossover) is not None


def test_a_rollback_ends_it_and_latches_and_the_next_release_forgets_it(change: Change) -> None:
    start(change)
    rolled_back = change("roll_back")
    assert (stored(rolled_back)["verdict"], rolled_back.latched) == ("rolled_back", True)
    assert store.refresh().crossover is None
    assert change("acknowledge").crossover is None


@pytest.mark.parametrize(("verdict", "verb"), [("stopped", "crossover stop"), ("pass", "crossover end")])
def test_its_end_keeps_its_verdict(change: Change, now: datetime.datetime, verdict: str, verb: str) -> None:
    start(change)
    ended = change("end_crossover", verdict=verdict)
    assert (stored(ended)["verdict"], stored(ended)["ended_at"]) == (verdict, now.timestamp())
    assert (last().verb, ended.latched) == (verb, False)
    assert store.refresh().crossover is None
    with pytest.raises(Refused, match="No crossover is running"):
        change("end_crossover", verdict=verdict)
    assert change("set_weight", weight_bp=100).weight_bp == 100


def _weight(change: Change, now: datetime.datetime) -> None:
    change("set_weight", weight_bp=100)


def _latch(change: Change, now: datetime.datetime) -> None:
    _weight(change, now)
    change("roll_back")


def _plan(change: Change, now: datetime.datetime) -> None:
    change("start_plan", steps_bp=[100, 200], min_s=0, is_fresh_cohort=False)


def _deprecation(change: Change, now: datetime.datetime) -> None:
    change("set_weight", weight_bp=0)
    at = int(now.timestamp()) + 90 * 86_400
    words: dict[str, Any] = {"actor": "t", "reason": "a test", "now": now, "expected_version": row().version}
    deprecate(sunset_at=at, is_override=True, **words)


def _list(change: Change, now: datetime.datetime) -> None:
    change("add_to_list", list="exclude", identity=parse_identity("client:erp"))


@pytest.mark.parametrize(
    ("before", "code"),
    [
        (_latch, "latched"),
        (_plan, "plan-active"),
        (_weight, "weight-above-zero"),
        (_deprecation, "end-of-v1-begun"),
        (_list, "listed"),
    ],
)
def test_it_is_refused_where_something_else_decides(
    change: Change, now: datetime.datetime, before: Callable[..., None], code: str
) -> None:
    before(change, now)
    with pytest.raises(Refused) as refused:
        start(change)
    assert refused.value.code == code
    assert row().crossover is None


def test_a_refusal_names_the_versions_of_the_journey(
    change: Change, now: datetime.datetime, rollout: Callable[..., None]
) -> None:
    rollout(STABLE="2", CANDIDATE="3", ARMS={name: f"tests.canary.arm_urls_v{name}" for name in ("2", "3")})
    _weight(change, now)
    with pytest.raises(Refused, match="v3 has 1 %; a crossover begins at 0 %"):
        start(change)


def test_a_version_that_is_switched_off_or_a_freeze_refuses_it(change: Change, rollout: Callable[..., None]) -> None:
    rollout(IS_V2_ENABLED=False)
    with pytest.raises(Refused, match="switched off"):
        start(change)
    rollout(FREEZES=["Mon 00:00/Sun 23:59", "Sun 23:00/Mon 01:00"])
    with pytest.raises(Refused, match="No step up before"):
        start(change)
    assert start(change, is_despite_freeze=True).crossover is not None
    assert last().evidence == {"despite_freeze": True}


def test_where_a_second_person_is_needed_it_waits_for_one(change: Change, rollout: Callable[..., None]) -> None:
    rollout(APPROVAL=True)
    asked = start(change, actor="user:1", reason="few clients")
    assert (asked.crossover, last().verb) == (None, "request")
    with pytest.raises(Refused, match="can't approve it"):
        change("approve_request", actor="user:1")
    approved = change("approve_request", actor="user:2")
    assert (stored(approved)["consumers"], approved.request) == (CONSUMERS, None)
    assert (last().verb, (last().evidence or {})["request"]["reason"]) == ("crossover start", "few clients")
