"""A running plan without a controller: told once through every channel, and told again when it is over."""

import datetime
import re
from collections.abc import Callable

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from canary.judging.controller import Controller
from canary.judging.leadership import Leadership
from canary.models import Lease, RolloutEvent
from canary.reporting.readiness import controller_turns
from canary.services import watch_controller
from canary.state.guard import read_guard
from canary.state.status import status
from tests.canary.services.conftest import Change

UNGUARDED_S = 300
told: list[str] = []


def listen(event: RolloutEvent) -> None:
    told.append(event.verb)


@pytest.fixture(autouse=True)
def _listener(rollout: Callable[..., None]) -> None:
    told.clear()
    rollout(NOTIFY=f"{__name__}.listen", UNGUARDED_S=UNGUARDED_S)


@pytest.fixture
def plan(change: Change) -> None:
    change("start_plan", steps_bp=[1_000, 5_000], min_s=0, is_fresh_cohort=False)
    told.clear()


def turn_ended(seconds_ago: float) -> None:
    """A controller finished its last turn so long ago, by the database's clock."""
    Lease.objects.update_or_create(
        name="controller", defaults={"holder": "a", "expires_at": Now(), "done_at": Now() - _s(seconds_ago)}
    )


def _s(seconds: float) -> datetime.timedelta:
    return datetime.timedelta(seconds=seconds)


def test_the_age_of_the_last_turn_is_known_after_a_controller_has_gone(plan: None, now: datetime.datetime) -> None:
    assert (read_guard().leader, read_guard().age_s) == (None, None)
    controller = Controller(lambda: now)
    assert controller.lead()
    assert (read_guard().leader, read_guard().age_s) == (controller.leadership.holder, None)
    controller.turn()
    controller.finish()
    age_s = read_guard().age_s
    assert read_guard().leader is None
    assert age_s is not None
    assert 0 <= age_s < 60


def test_a_leader_that_finishes_no_turn_is_no_guard(plan: None) -> None:
    turn_ended(UNGUARDED_S + 1)
    Lease.objects.update(expires_at=Now())
    leadership = Leadership()
    assert leadership.seize()
    assert read_guard().leader == leadership.holder
    assert not read_guard().is_alive


@pytest.mark.parametrize("ever", [True, False], ids=["it stopped", "there never was one"])
def test_a_running_plan_without_a_controller_is_told_once(plan: None, now: datetime.datetime, ever: bool) -> None:
    if ever:
        turn_ended(UNGUARDED_S + 1)
    watch_controller(now + _s(UNGUARDED_S - 1))
    assert told == []  # whoever started the plan may be about to start a controller
    for seconds in (0, 1, 3_600):
        watch_controller(now + _s(UNGUARDED_S + seconds))
    assert told == ["unguarded"]
    event = RolloutEvent.objects.last()
    assert event.actor == "server"
    assert event.reason.endswith("Start one: `manage.py run_canary_controller`.")


def test_it_is_told_that_a_controller_is_back_once(plan: None, now: datetime.datetime) -> None:
    watch_controller(now + _s(UNGUARDED_S))
    turn_ended(1)
    for _ in range(3):
        watch_controller(now + _s(UNGUARDED_S + 10))
    assert told == ["unguarded", "guarded"]
    turn_ended(UNGUARDED_S + 1)
    for _ in range(3):
        watch_controller(now + _s(3 * UNGUARDED_S))
    assert told == ["unguarded", "guarded", "unguarded"]


def test_another_plan_is_another_case(plan: None, change: Change, now: datetime.datetime) -> None:
    watch_controller(now + _s(UNGUARDED_S))
    change("roll_back")
    change("acknowledge")
    change("start_plan", steps_bp=[1_000, 5_000], min_s=0, is_fresh_cohort=False)
    told.clear()
    watch_controller(now + _s(UNGUARDED_S))
    assert told == ["unguarded"]


@pytest.mark.parametrize("service", ["pause_plan", "roll_back"])
def test_what_moves_nothing_by_itself_is_told_to_nobody(
    plan: None, change: Change, now: datetime.datetime, service: str
) -> None:
    change(service)
    told.clear()
    watch_controller(now + _s(UNGUARDED_S))
    assert told == []


def test_status_says_that_nobody_guards_those_on_v2(change: Change, now: datetime.datetime) -> None:
    change("set_weight", weight_bp=0)
    assert status(now)["controller"] == {"leader": None, "age_s": None, "is_missing": False, "sentence": ""}
    change("set_weight", weight_bp=100)
    missing = status(now)["controller"]
    assert missing["is_missing"]
    assert missing["sentence"].startswith("No controller has ever finished a turn: nothing is judged")
    turn_ended(5)
    guarded = status(now)["controller"]
    assert (guarded["is_missing"], guarded["sentence"]) == (False, "")
    assert 5 <= guarded["age_s"] < 60


def test_after_the_sunset_nobody_has_to_watch(change: Change, rollout: Callable[..., None]) -> None:
    change("set_weight", weight_bp=10_000)
    assert controller_turns(timezone.now(), {})[0] is False
    rollout(IS_V1_ENABLED=False)
    is_well, sentence = controller_turns(timezone.now(), {})
    assert is_well
    assert "none is needed" in sentence


def test_the_checklist_says_how_old_the_last_turn_is(change: Change) -> None:
    change("set_weight", weight_bp=100)
    turn_ended(7)
    is_well, sentence = controller_turns(timezone.now(), {})
    told = re.fullmatch(r"A controller finished a turn (\d+) s ago\.", sentence)
    assert told
    assert (is_well, 7 <= int(told[1]) < 60) == (True, True)  # the database's clock goes on between two statements
