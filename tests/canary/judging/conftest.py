"""A controller with a clock that a test can move, and the services as an operator uses them."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from canary import services
from canary.core.judgements import Judgement
from canary.judging.controller import Controller
from canary.models import Rollout

Change = Callable[..., Rollout]


@dataclass
class Clock:
    """Also the one moment between reading the rollout and acting on it: `meanwhile` happens then, once."""

    now: datetime.datetime
    meanwhile: list[Callable[[], object]] = field(default_factory=list)

    def __call__(self) -> datetime.datetime:
        while self.meanwhile:
            self.meanwhile.pop()()
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += datetime.timedelta(seconds=seconds)


@pytest.fixture
def clock(now: datetime.datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def change(rollout: Callable[..., None], db: None, clock: Clock) -> Change:
    """`change("set_weight", weight_bp=500)`: calls a service as whoever has just read the rollout would."""

    def call(service: str, **arguments: Any) -> Rollout:
        words = {"actor": "tester", "reason": "a test", "now": clock.now}
        if service != "roll_back":
            words["expected_version"] = row().version if Rollout.objects.exists() else 0
        done: Rollout = getattr(services, service)(**{**words, **arguments})
        return done

    return call


@pytest.fixture
def controller(db: None, clock: Clock) -> Controller:
    return Controller(clock)


@pytest.fixture
def turn(controller: Controller) -> Callable[[], Judgement | None]:
    """One turn of the one controller that there is."""

    def take() -> Judgement | None:
        assert controller.lead()
        return controller.turn()

    return take


def row() -> Rollout:
    return Rollout.objects.get(pk=1)


def plan_state() -> str | None:
    plan = row().plan
    return plan and plan["state"]
