"""How the versions answer: what is wrong with v2, and what goes wrong for both at some time."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from canary.core.values import CANDIDATE
from tests.simulation.loop.people import Person, Route

COLD_S: Final = 180
NOT_FOUND: Final = 404


class Outage(NamedTuple):
    """From `begin_s` to `end_s` a share of both versions' answers fails. Seconds count from the first step."""

    begin_s: float
    end_s: float
    share: float


@dataclass(frozen=True)
class Truth:
    """What is wrong with v2, from `from_s` after the first step on; ratios are those of requests."""

    errors: float = 1.0
    fails: float = 0.0
    """The share of v2's answers that fail whoever asks."""
    refuses: tuple[int, float] = (NOT_FOUND, 0.0)
    """The status and the share of v2's answers that refuse what v1 answers."""
    latency: float = 1.0
    slow_route: Route | None = None
    """The only one that is slow, if it is not all."""
    cold: float = 1.0
    """Of latency in the first three minutes after each step, on top of that."""
    from_s: float = 0.0


class Answer(NamedTuple):
    status: int
    ms: float
    is_alike: bool = True
    """Whether the other version refuses the request as well."""


class World:
    """The answers of both versions in one release."""

    def __init__(self, rng: random.Random, truth: Truth, outages: Sequence[Outage] = ()) -> None:
        self._rng, self._truth, self._outages = rng, truth, outages
        self._fails = self._log_cold = 0.0
        self._is_wrong = False

    def set_time(self, at_s: float, age_s: float) -> None:
        """Before the answers of a few seconds: since the first step, and since the latest one."""
        self._fails = max((one.share for one in self._outages if one.begin_s <= at_s < one.end_s), default=0.0)
        self._is_wrong = at_s >= self._truth.from_s
        self._log_cold = math.log(self._truth.cold) if age_s < COLD_S else 0.0

    def answer(self, person: Person, route: Route, api_version: int) -> Answer:
        """An answer that is not the first one to a request is drawn anew, but for what the request itself refuses."""
        rng, truth, log_ms = self._rng, self._truth, route.log_ms + person.slowness
        fails, refused, wrongly = max(self._fails, person.failing), person.refused, 0.0
        if api_version == CANDIDATE:
            log_ms += self._log_cold
            if not route.is_on_v2:
                return Answer(NOT_FOUND, 1.0)
            if self._is_wrong:
                fails = max(self._fails, truth.fails, person.failing * truth.errors)
                wrongly = truth.refuses[1]
                if truth.slow_route in (None, route):
                    log_ms += math.log(truth.latency)
            if person.fails_on_v2 is not None:
                fails = person.fails_on_v2
        ms = math.exp(log_ms + rng.gauss(0.0, 0.4) + (rng.expovariate(1.0) if rng.random() < 0.05 else 0.0))
        draw = rng.random()
        if draw < fails:
            return Answer(500, ms)
        if draw < fails + wrongly:
            return Answer(truth.refuses[0], ms, is_alike=False)
        return Answer(NOT_FOUND if draw > 1 - refused else 200, ms)


def no_outage(rng: random.Random, step_s: float) -> list[Outage]:
    return []


def outages_at_random(rng: random.Random, step_s: float) -> list[Outage]:
    """Twice in a release, for ten minutes on average."""
    begins_s = (rng.uniform(0, 4 * step_s) for _ in range(2))
    return [Outage(at_s, at_s + rng.expovariate(1 / 600), rng.uniform(0.1, 1.0)) for at_s in begins_s]


def outage_before_a_step(rng: random.Random, step_s: float) -> list[Outage]:
    """Up to twenty minutes before a step, for an hour on average."""
    at_s = rng.randrange(4) * step_s - rng.uniform(60, 1_200)
    return [Outage(at_s, at_s + rng.expovariate(1 / 3_600), rng.uniform(0.1, 1.0))]


def harm_with_a_step(rng: random.Random, step_s: float) -> list[Outage]:
    """v2's load at the second step makes both versions fail until it is gone."""
    return [Outage(step_s, math.inf, 0.15)]
