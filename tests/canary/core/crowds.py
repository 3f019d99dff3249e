"""Made-up people who use an entrance: a few often, most seldom, each by a Poisson process of its own."""

import random
from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple

from canary.core.arrivals import WEEK_S, Arrivals, ages_of

MEAN_RATE = 0.1 / 60
"""Requests a second of a person: Gamma(0.5) around it, as in the simulation of releases."""


class Visit(NamedTuple):
    at_s: float
    on_v2: bool


def rates_of(rng: random.Random, size: int, mean: float = MEAN_RATE) -> list[float]:
    return [rng.gammavariate(0.5, 2 * mean) for _ in range(size)]


def arrivals_of(rng: random.Random, rates: list[float], recorded_s: float = WEEK_S) -> Arrivals:
    """What a site would have recorded of them: only when each was seen last."""
    ages_s = ages_of(recorded_s)
    last_seen = [rng.expovariate(rate) for rate in rates]
    return Arrivals.of(ages_s, [sum(seen_s <= age_s for seen_s in last_seen) for age_s in ages_s])


def judged_at(rng: random.Random, rates: list[float], weight: float) -> list[Visit]:
    """Each person's third request of a stage, in the order of time; nobody fails."""

    def third(rate: float) -> float:
        return [*accumulate(rng.expovariate(rate) for _ in range(3))][-1]

    return sorted(Visit(third(rate), rng.random() < weight) for rate in rates)


def share_of_runs(runs: int, outcome: Callable[[random.Random], bool]) -> float:
    return sum(outcome(random.Random(number)) for number in range(runs)) / runs
