"""What the controller does about the gates of the site, and what it never waits for."""

import datetime
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from canary.conf import canary_conf
from canary.core.judgements import Judgement
from canary.gates import GateResult, asking
from canary.judging.controller import Controller
from canary.models import Rollout, RolloutEvent, Verdict
from canary.reporting.release import analyse
from cms.models import User
from tests.canary.judging.conftest import Change, Clock, plan_state, row
from tests.canary.judging.crowd import arrive

STEPS_BP = [1_000, 5_000, 10_000]
MIN_S = 60
GATES = [{"name": "orders", "call": f"{__name__}.orders"}]
Turn = Callable[[], Judgement | None]


@dataclass
class Shop:
    """What the gate says, and what it was asked."""

    says: Any = None
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    hangs: threading.Event | None = None
    has_hung: threading.Event = field(default_factory=threading.Event)


shop = Shop()


def orders(candidate: int, stable: int, since: datetime.datetime) -> Any:
    shop.asked.append((candidate, stable, since))
    if shop.hangs is not None:
        shop.hangs.wait(60)
        shop.has_hung.set()
    if isinstance(shop.says, Exception):
        raise shop.says
    return shop.says


@pytest.fixture(autouse=True)
def _open_shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    shop.__init__(says=GateResult("pass", 1.0, "As many orders."))  # type: ignore[misc]
    monkeypatch.setattr(asking, "EVERY_S", 0.0)
    yield
    if shop.hangs is not None:
        shop.hangs.set()
        assert shop.has_hung.wait(60)


@pytest.fixture
def plan(change: Change, rollout: Callable[..., None]) -> Rollout:
    rollout(GATES=GATES)
    return change("start_plan", steps_bp=STEPS_BP, min_s=MIN_S, is_fresh_cohort=False)


@pytest.fixture
def judge(controller: Controller) -> Turn:
    """A turn, and another with the gates' answers to it, unless it has changed the weight."""

    def take() -> Judgement | None:
        weight_bp = row().weight_bp
        for _ in range(2):
            controller.gates.wait()
            assert controller.lead()
            judgement = controller.turn()
            if row().weight_bp != weight_bp:
                break
        return judgement

    return take


def be_ready(clock: Clock) -> None:
    """All else would pass."""
    arrive(range(2_500))
    clock.pass_s(MIN_S + 1)


def by_controller() -> list[RolloutEvent]:
    return list(RolloutEvent.objects.filter(actor="controller").order_by("version"))


def fails_on_v2(number: int, api_version: int) -> bool:
    return number % 20 == 0 if api_version == 2 else number % 100 == 0


def test_a_step_is_taken_once_the_gate_passes_with_its_number_in_the_event(
    plan: Rollout, turn: Turn, judge: Turn, clock: Clock
) -> None:
    be_ready(clock)
    shop.hangs = threading.Event()
    early = turn()
    assert (early.reason, row().weight_bp, by_controller()) == ("gate_unanswered", 1_000, [])
    began_at = row().stage_started_at
    shop.hangs.set()
    assert judge().kind == "pass"
    assert shop.asked[0] == (2, 1, began_at)
    [event] = by_controller()
    assert (event.verb, row().weight_bp) == ("promote", 5_000)
    assert event.reason.endswith("Gates: gate orders passes at 1: As many orders.")
    [told] = (event.evidence or {})["gates"]
    assert (told["gate"], told["verdict"], told["number"], told["sentence"]) == (
        "orders",
        "pass",
        1.0,
        "As many orders",
    )


def test_a_gate_that_holds_keeps_the_weight_until_it_passes(
    plan: Rollout, judge: Turn, clock: Clock, run_canary: Callable[..., str]
) -> None:
    shop.says = GateResult("hold", 0.8, "Fewer orders than on v1.")
    be_ready(clock)
    for _ in range(3):
        assert judge().reason == "gate"
    [held] = by_controller()
    assert (held.verb, plan_state(), row().weight_bp) == ("hold", "held", 1_000)
    said = "gate orders holds at 0.8: Fewer orders than on v1"
    assert held.reason == f"Hold at 10 %: {said}."
    assert Verdict.objects.latest("pk").sentence == held.reason
    assert f"G{said[1:]}." in run_canary("status").splitlines()
    [told] = json.loads(run_canary("status", "--json"))["gates"]
    assert (told["verdict"], told["number"], told["told"]) == ("hold", 0.8, said)
    assert analyse(clock.now)["sentence"] == held.reason
    assert "  gate orders       hold 0.8: Fewer orders than on v1" in run_canary("analyze").splitlines()
    shop.says = GateResult("pass", 1.0, "As many orders.")
    assert judge().kind == "pass"
    assert (row().weight_bp, plan_state()) == (5_000, "running")


def test_a_gate_that_finds_harm_rolls_back_at_once_and_latches(plan: Rollout, judge: Turn) -> None:
    shop.says = GateResult("harm", 7, "Seven refunds.")
    judge()
    [event] = by_controller()
    assert (event.verb, row().weight_bp, row().latched) == ("rollback", 0, True)
    assert event.reason == "Harm at 10 %: gate orders finds harm at 7: Seven refunds."
    assert (event.evidence or {})["reason"] == "gate"
    assert (event.evidence or {})["gates"][0]["number"] == 7.0


@pytest.mark.parametrize(
    ("says", "said"),
    [
        (ZeroDivisionError("no orders"), "ZeroDivisionError: no orders"),
        (None, "TypeError: a gate returns a GateResult, not NoneType"),
        ("harm", "TypeError: a gate returns a GateResult, not str"),
    ],
)
def test_a_fault_of_a_gate_holds_and_is_told_and_neither_passes_nor_rolls_back(
    plan: Rollout, judge: Turn, clock: Clock, caplog: pytest.LogCaptureFixture, says: Any, said: str
) -> None:
    shop.says = says
    be_ready(clock)
    judge()
    [held] = by_controller()
    assert (held.verb, row().weight_bp) == ("hold", 1_000)
    assert held.reason == f"Hold at 10 %: gate orders has a fault: {said}."
    assert f"gate orders has a fault: {said}" in caplog.messages


def test_a_gate_that_hangs_is_a_fault_and_delays_no_rollback(
    plan: Rollout, rollout: Callable[..., None], judge: Turn, turn: Turn
) -> None:
    rollout(GATES=[{**GATES[0], "timeout_s": 0.3}])
    shop.hangs = threading.Event()
    [told] = judge().numbers["gates"]
    assert (told["verdict"], told["sentence"]) == ("fault", "no answer within 0.3 s")
    arrive(range(2_000), fails_on_v2)
    assert turn().kind == "harm"
    assert (row().weight_bp, row().latched, len(shop.asked)) == (0, True, 1)


def test_an_answer_about_one_step_says_nothing_of_the_next(
    plan: Rollout, judge: Turn, turn: Turn, clock: Clock, controller: Controller
) -> None:
    be_ready(clock)
    while row().weight_bp == 1_000:
        turn()
        controller.gates.wait()
    shop.hangs = threading.Event()
    arrive(range(2_500, 4_000))
    clock.pass_s(MIN_S + 1)
    assert turn().reason == "gate_unanswered"
    shop.hangs.set()
    judge()
    assert row().weight_bp == 10_000
    assert len({since for _, _, since in shop.asked}) == 2


def test_a_controller_that_takes_one_turn_waits_for_the_gates(plan: Rollout, clock: Clock) -> None:
    be_ready(clock)
    controller = Controller(clock)
    assert controller.lead()
    assert controller.turn_once().kind == "pass"
    assert row().weight_bp == 5_000


def test_nobody_is_asked_while_nobody_is_on_v2(change: Change, judge: Turn, rollout: Callable[..., None]) -> None:
    rollout(GATES=GATES)
    change("set_weight", weight_bp=0)
    assert judge().numbers["gates"] == []
    assert shop.asked == []


def test_a_declaration_that_can_not_work_stops_the_process(rollout: Callable[..., None]) -> None:
    rollout(GATES=[{"name": "orders"}])
    with pytest.raises(ImproperlyConfigured, match=r"CANARY\[\"GATES\"\]: Gate 'orders' needs exactly one of"):
        canary_conf()


def test_the_page_shows_the_gate_its_number_and_what_to_do(
    plan: Rollout, judge: Turn, clock: Clock, make_user: Callable[..., User]
) -> None:
    shop.says = GateResult("hold", 0.8, "Fewer orders than on v1.")
    be_ready(clock)
    judge()
    client = Client()
    client.force_login(make_user("admin"))
    page = client.get("/admin/canary/").content.decode()
    assert "Held by a gate: orders" in page
    assert "holds (0.8)" in page
    assert "Fewer orders than on v1" in page
