"""A second person: what waits, who may approve it, and what never waits."""

import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError

from canary.core.approvals import is_same_person
from canary.core.breakers import Limits
from canary.errors import Refused, VersionConflict
from canary.models import Rollout, RolloutEvent
from canary.reporting.history import first_broken_version
from canary.services import apply_environment
from tests.canary.services.conftest import Change, row

ANNA, BEN = "user:1", "user:2"
STEPS_BP = [1_000, 5_000]
Ask = Callable[..., Rollout]


@pytest.fixture(autouse=True)
def _approval_is_needed(change: Change, rollout: Callable[..., None]) -> None:
    rollout(APPROVAL=True)


def last() -> RolloutEvent:
    return RolloutEvent.objects.latest("version")


def start(change: Change, **more: Any) -> Rollout:
    return change("start_plan", steps_bp=STEPS_BP, min_s=60, is_fresh_cohort=True, actor=ANNA, **more)


def test_a_step_up_moves_nobody_until_somebody_else_approves_it(change: Change) -> None:
    change("set_weight", weight_bp=2_500, actor=ANNA, reason="looks good")
    assert (row().weight_bp, last().verb) == (0, "request")
    assert last().after["request"]["weight_bp"] == 2_500
    change("approve_request", actor=BEN, reason="it does")
    assert (row().weight_bp, row().request) == (2_500, None)
    assert (last().verb, last().actor, last().reason) == ("set", BEN, "it does")
    asked = (last().evidence or {})["request"]
    assert (asked["actor"], asked["reason"]) == (ANNA, "looks good")
    assert first_broken_version() is None


@pytest.mark.parametrize("own", [ANNA, "key:ab12 user:1", "user:1 anna"])
def test_nobody_approves_their_own_change(change: Change, own: str) -> None:
    change("set_weight", weight_bp=2_500, actor=ANNA)
    with pytest.raises(Refused, match="can't approve it") as refused:
        change("approve_request", actor=own)
    assert (refused.value.code, row().weight_bp) == ("own-request", 0)
    assert refused.value.current["request"]["weight_bp"] == 2_500


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [("cli:root", "cli:root", True), ("cli:root", ANNA, False), ("user:1", "user:11", False), (ANNA, "key:1", False)],
)
def test_who_is_one_person(one: str, other: str, is_same: bool) -> None:
    assert is_same_person(one, other) is is_same


def test_a_plan_waits_with_all_that_it_declares_and_its_own_steps_do_not(change: Change) -> None:
    start(change, limits=Limits(max_errors_bp=500))
    salt = row().salt
    assert (row().plan, row().weight_bp, row().salt) == (None, 0, salt)
    change("approve_request", actor=BEN)
    plan = row().plan or {}
    assert (row().weight_bp, plan["steps_bp"], plan["max_errors_bp"], last().verb) == (1_000, STEPS_BP, 500, "start")
    assert row().salt != salt
    change("promote_plan", actor="controller", is_by_plan=True)
    assert row().weight_bp == 5_000


def test_a_plan_waits_at_a_lower_weight_too_because_its_steps_go_up(change: Change) -> None:
    change("set_weight", weight_bp=3_000, actor=ANNA)
    change("approve_request", actor=BEN)
    start(change)
    assert (row().weight_bp, (row().request or {})["verb"]) == (3_000, "start")


def test_a_step_by_hand_waits(change: Change) -> None:
    start(change)
    change("approve_request", actor=BEN)
    change("promote_plan", actor=BEN)
    assert (row().weight_bp, (row().request or {})["weight_bp"]) == (1_000, 5_000)
    change("approve_request", actor=ANNA)
    assert (row().weight_bp, last().verb) == (5_000, "promote")


def test_steps_down_and_rollbacks_never_wait_and_drop_what_waits(change: Change) -> None:
    change("set_weight", weight_bp=3_000, actor=ANNA)
    change("approve_request", actor=BEN)
    for service, arguments in (("set_weight", {"weight_bp": 1_000}), ("roll_back", {})):
        change("set_weight", weight_bp=9_000, actor=ANNA)
        assert row().request is not None
        change(service, actor=ANNA, **arguments)
        assert row().request is None
    assert (row().weight_bp, row().latched) == (0, True)
    with pytest.raises(Refused, match="No change waits for an approval"):
        change("approve_request", actor=BEN)


def test_the_environment_waits_once_and_anybody_approves_it(change: Change, now: datetime.datetime) -> None:
    apply_environment(2_000, now)
    assert (row().weight_bp, last().verb, last().actor) == (0, "request", "environment")
    assert apply_environment(2_000, now) is None
    change("approve_request", actor=ANNA)
    assert row().weight_bp == 2_000


def test_what_would_be_refused_is_refused_at_once(change: Change) -> None:
    with pytest.raises(Refused, match="A weight is 0 to 100 percent"):
        change("set_weight", weight_bp=10_001, actor=ANNA)
    change("roll_back")
    with pytest.raises(Refused, match="until somebody acknowledges"):
        start(change)


def test_an_approval_of_another_version_is_a_conflict(change: Change) -> None:
    change("set_weight", weight_bp=2_000, actor=ANNA)
    seen = row().version
    change("set_weight", weight_bp=9_000, actor=ANNA)
    with pytest.raises(VersionConflict):
        change("approve_request", actor=BEN, expected_version=seen)
    assert row().weight_bp == 0


def test_the_command_tells_what_waits_and_rejects_it(run_canary: Callable[..., str]) -> None:
    assert "25 % waits for the approval of a second person." in run_canary("set", "25", "--reason", "looks good")
    with pytest.raises(CommandError, match="The person who asked for this change can't approve it"):
        run_canary("approve", "--reason", "me too")
    waiting = json.loads(run_canary("status", "--json"))["request"]
    assert (waiting["verb"], waiting["weight_bp"], waiting["reason"]) == ("set", 2_500, "looks good")
    assert "waits" not in run_canary("reject", "--reason", "too early")
    assert (row().request, last().verb) == (None, "reject")


def test_the_environment_does_not_name_the_person_of_a_command(
    run_canary: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_canary("set", "25", "--reason", "looks good")
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "ben")
    with pytest.raises(CommandError, match="The person who asked for this change can't approve it"):
        run_canary("approve", "--reason", "me too")


def test_without_the_setting_nothing_waits(change: Change, rollout: Callable[..., None]) -> None:
    rollout()
    assert change("set_weight", weight_bp=2_500, actor=ANNA).weight_bp == 2_500
