"""A plan with dates and freezes: when the controller takes its steps, and what people see meanwhile."""

import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError
from django.test import Client

from canary.core.calendar import Schedule
from canary.core.judgements import Judgement
from canary.errors import Refused
from canary.models import Rollout, RolloutEvent
from canary.services import apply_environment
from canary.state.status import status
from cms.models import User
from tests.canary.judging.conftest import Change, Clock, plan_state, row
from tests.canary.judging.crowd import arrive

Turn = Callable[[], Judgement | None]
Configure = Callable[..., None]
TUESDAY = datetime.datetime(2026, 12, 1, 10, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
WEEKEND = "Fri 12:00/Mon 08:00"


@pytest.fixture(autouse=True)
def _tuesday(clock: Clock) -> None:
    clock.now = TUESDAY


@pytest.fixture
def admin_page(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def start(change: Change, *dates: datetime.datetime | None, freezes: tuple[str, ...] = ()) -> Rollout:
    told = tuple(date and date.isoformat() for date in dates)
    schedule = Schedule(told, freezes, "Europe/Berlin" if freezes else "")
    return change("start_plan", steps_bp=[1_000, 5_000], min_s=0, is_fresh_cohort=False, schedule=schedule)


def test_each_step_waits_for_its_date_the_first_one_too(change: Change, turn: Turn, clock: Clock) -> None:
    start(change, TUESDAY + HOUR, TUESDAY + 24 * HOUR)
    assert (row().weight_bp, plan_state(), (row().plan or {})["step"]) == (0, "running", None)
    judgement = turn()
    assert (judgement.reason, row().weight_bp) == ("calendar", 0)
    assert "no step up before 2026-12-01T11:00+00:00 (the date of the plan)" in judgement.sentence
    clock.now += HOUR
    turn()
    assert row().weight_bp == 1_000
    arrive(range(2_500))
    clock.pass_s(60)
    assert turn().reason == "calendar"
    assert status(clock.now)["plan"]["not_before"] == "2026-12-02T10:00:00+00:00"
    clock.now = TUESDAY + 24 * HOUR
    turn()
    assert (row().weight_bp, plan_state()) == (5_000, "done")
    told = list(RolloutEvent.objects.filter(actor="controller").values_list("verb", "reason"))
    assert [verb for verb, _ in told] == ["promote", "promote"]
    assert told[0][1] == "Pass at 0 %: the plan begins at its date. Next step: 10 %."


def test_a_date_does_not_replace_the_evidence(change: Change, turn: Turn, clock: Clock) -> None:
    start(change, None, TUESDAY + HOUR)
    assert row().weight_bp == 1_000
    clock.now += 2 * HOUR
    assert turn().kind == "no_data"
    assert row().weight_bp == 1_000


@pytest.mark.parametrize("where", ["settings", "plan"])
def test_the_controller_takes_no_step_in_a_freeze_and_goes_on_after_it(
    change: Change, rollout: Configure, turn: Turn, clock: Clock, where: str
) -> None:
    if where == "settings":
        rollout(FREEZES=[WEEKEND], TIME_ZONE="Europe/Berlin")
    start(change, freezes=(WEEKEND,) if where == "plan" else ())
    arrive(range(2_500))
    clock.now = datetime.datetime(2026, 12, 4, 11, 30, tzinfo=datetime.UTC)
    held = turn()
    assert held.sentence == (
        f"Hold at 10 %: no step up before 2026-12-07T08:00+01:00 (freeze {WEEKEND}). All else passes."
    )
    known = status(clock.now)
    assert known["frozen_until"] == "2026-12-07T08:00+01:00"
    assert datetime.datetime.fromisoformat(known["plan"]["not_before"]) == datetime.datetime(
        2026, 12, 7, 7, tzinfo=datetime.UTC
    )
    assert not RolloutEvent.objects.filter(verb="hold").exists()
    clock.now = datetime.datetime(2026, 12, 7, 7, tzinfo=datetime.UTC)
    turn()
    assert row().weight_bp == 5_000


def test_in_a_freeze_steps_up_by_hand_are_refused_and_steps_down_are_not(
    change: Change, rollout: Configure, clock: Clock
) -> None:
    start(change)
    rollout(FREEZES=["2026-12-01/2026-12-02"])
    for service, arguments in (("set_weight", {"weight_bp": 2_000}), ("promote_plan", {})):
        with pytest.raises(Refused, match=r"^No step up before 2026-12-02T00:00\+00:00") as refused:
            change(service, **arguments)
        assert refused.value.code == "frozen"
    change("set_weight", weight_bp=2_000, is_despite_freeze=True)
    assert (RolloutEvent.objects.latest("version").evidence or {})["despite_freeze"] is True
    change("set_weight", weight_bp=500)
    change("roll_back")
    change("acknowledge")
    with pytest.raises(Refused, match="No step up before"):
        start(change)
    assert (row().weight_bp, row().plan) == (0, None)


def test_the_environment_waits_for_the_end_of_a_freeze(change: Change, rollout: Configure, clock: Clock) -> None:
    change("set_weight", weight_bp=100)
    rollout(FREEZES=["2026-12-01/2026-12-02"])
    assert apply_environment(2_000, clock.now) is None
    assert apply_environment(50, clock.now).weight_bp == 50
    assert apply_environment(2_000, TUESDAY + 24 * HOUR).weight_bp == 2_000


ENDLESS = {
    "freezes": ["2026-12-01T01:58/9999-12-31T23:59"],
    "time_zone": "America/New_York",
    "steps_at": [None, "9999-12-31T23:59:00+00:00"],
    "next_at": "9999-12-31T23:59:00+00:00",
}


@pytest.mark.parametrize(
    ("stored", "configured"),
    [
        (ENDLESS, {}),
        (ENDLESS, {"FREEZES": [WEEKEND]}),
        ({"freezes": ENDLESS["freezes"]}, {"FREEZES": [WEEKEND], "TIME_ZONE": "Asia/Tokyo"}),
        ({"freezes": ["2026-12-01é00:00/9999-12-31"]}, {}),
        ({"time_zone": "Mars/Olympus"}, {}),
        ({"freezes": ["weekends"]}, {}),
    ],
)
def test_no_stored_calendar_stands_between_harm_and_its_rollback(
    change: Change, rollout: Configure, turn: Turn, clock: Clock, admin_page: Client, stored: Any, configured: Any
) -> None:
    start(change)
    rollout(**configured)
    Rollout.objects.update(plan={**(row().plan or {}), **stored})
    clock.now = datetime.datetime(2026, 12, 5, 10, tzinfo=datetime.UTC)
    assert turn().kind == "no_data"
    assert status(clock.now)["plan"]["not_before"].startswith("300")
    for page in ("/admin/canary/", "/admin/", "/canary/api/status"):
        assert admin_page.get(page).status_code == 200, page
    arrive(range(2_000), lambda number, api_version: api_version == 2)
    assert turn().kind == "harm"
    assert (row().weight_bp, row().latched) == (0, True)


def test_a_calendar_that_cannot_be_read_takes_no_step_and_says_so(
    change: Change, turn: Turn, clock: Clock, admin_page: Client
) -> None:
    start(change)
    Rollout.objects.update(plan={**(row().plan or {}), "time_zone": "Mars/Olympus"})
    arrive(range(2_500))
    clock.pass_s(60)
    held = turn()
    why = "no step up before 3001-01-01T00:00+00:00 (the calendar can't be read: 'No time zone found"
    assert (held.reason, row().weight_bp) == ("calendar", 1_000)
    assert why in held.sentence
    assert status(clock.now)["frozen_until"] == "3001-01-01T00:00+00:00"
    User.objects.update(language="ja")
    assert "カレンダーを読み取れません" in admin_page.get("/admin/canary/").content.decode()
    with pytest.raises(Refused, match="No step up before"):
        change("promote_plan")
    change("set_weight", weight_bp=2_000, is_despite_freeze=True)
    assert change("roll_back").weight_bp == 0


def test_an_approval_in_a_freeze_is_refused_and_the_calendar_of_a_plan_survives_it(
    change: Change, rollout: Configure, clock: Clock
) -> None:
    rollout(APPROVAL=True, FREEZES=["2026-12-01T12:00/2026-12-02"])
    start(change, None, TUESDAY + 48 * HOUR, freezes=(WEEKEND,))
    clock.now += 3 * HOUR
    with pytest.raises(Refused, match="No step up before"):
        change("approve_request", actor="user:2")
    clock.now = TUESDAY + 24 * HOUR
    change("approve_request", actor="user:2")
    plan = row().plan or {}
    assert (row().weight_bp, plan["freezes"], plan["time_zone"]) == (1_000, [WEEKEND], "Europe/Berlin")
    assert plan["steps_at"] == [None, (TUESDAY + 48 * HOUR).isoformat()]


def test_the_command_takes_dates_in_a_zone_and_tells_when_the_next_step_may_be(
    change: Change, run_canary: Callable[..., str]
) -> None:
    words = ("start", "--plan", "10,50", "--at", "2099-12-08T10:00", "--time-zone", "Europe/Berlin", "--reason", "go")
    said = run_canary(*words, "--freezes", "2020-12-23/2020-12-27, 2021-12-23/2021-12-27")
    assert "the next step not before 2099-12-08T10:00:00+01:00" in said
    plan = json.loads(run_canary("status", "--json"))["plan"]
    assert (plan["min_s"], plan["steps_at"]) == (0.0, [None, "2099-12-08T09:00:00+00:00"])
    assert plan["freezes"] == ["2020-12-23/2020-12-27", "2021-12-23/2021-12-27"]
    run_canary("rollback", "--reason", "x")
    run_canary("ack", "--reason", "x")
    for option, value, wrong in (
        ("--at", "2099-12-08T10:00,2099-12-09,2099-12-10", "A plan of 2 steps has 2 dates, or 1 if it begins at once"),
        ("--at", "tomorrow", "are not dates"),
        ("--freezes", "weekends", "is not a freeze"),
        ("--freezes", "2026-12-01/9999-12-31", "with years from 2000 to 2999"),
        ("--at", "9999-12-31", "years from 2000 to 2999"),
        ("--time-zone", "Mars", "is not a time zone"),
    ):
        with pytest.raises(CommandError, match=wrong):
            run_canary("start", "--plan", "10,50", option, value, "--reason", "go")
