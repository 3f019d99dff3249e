"""Made-up crossovers of few clients, judged by the code that judges real ones.

Their traffic is uneven: a client sends 20 to 400 requests in a mean period, and the load goes up and down with the time
of day. Failures clump: some periods have an outage of both versions, and clients have bad spells of their own.
"""

import math
import random
import statistics
from dataclasses import dataclass
from typing import Final

from canary.core.crossover import Crossover, is_drawn
from canary.core.crossover_verdict import HARM, CrossoverVerdict, judge_crossover
from canary.core.statistics.crossovers import Answered

PERIODS_A_DAY: Final = 24
OUTAGE: Final = 0.15
"""The chance that a period has one, in which up to 60 % of all requests fail on either version."""
SPELL: Final = 0.1
"""The chance that a client has one in a period: up to 20 % of its requests fail on either version."""


@dataclass(frozen=True)
class Case:
    errors: float = 1.0
    """How often v2 fails where v1 fails once, apart from what befalls both."""
    harmed: int | None = None
    """How many clients v2 harms; None for all."""
    clients: int = 12
    pairs: int = 10
    requests: tuple[float, float] = (20, 400)
    """Of a client in a mean period; its logarithm is drawn evenly."""
    base: tuple[float, float] = (0.01, 0.02)
    """The share of a client's requests that v1 fails."""
    outage: float = OUTAGE


ROWS: Final = {
    "crossover: sound": (Case(), 1_000),
    "crossover: sound, an outage of both in every second period": (Case(outage=0.5), 1_000),
    "crossover: sound, 49 clients": (Case(clients=49), 200),
    "crossover: better, errors × 0.5": (Case(errors=0.5), 1_000),
    "crossover: errors × 5": (Case(errors=5), 1_000),
    "crossover: errors × 3": (Case(errors=3), 200),
    "crossover: errors × 2": (Case(errors=2), 200),
    "crossover: errors × 5, 6 pairs": (Case(errors=5, pairs=6), 200),
    "crossover: errors × 5, 5 to 40 requests": (Case(errors=5, requests=(5, 40)), 200),
    "crossover: errors × 5, base 0.5 %": (Case(errors=5, base=(0.005, 0.005)), 200),
    "crossover: errors × 5, 4 clients": (Case(errors=5, clients=4), 200),
    "crossover: errors × 5 for 1 of 12 clients": (Case(errors=5, harmed=1), 200),
    "crossover: errors × 20 for 1 of 12 clients": (Case(errors=20, harmed=1), 200),
}


@dataclass(frozen=True)
class Trials:
    runs: int
    harmed_after: list[int]
    """Of each crossover that found harm, after how many pairs of periods."""

    @property
    def rate(self) -> float:
        return len(self.harmed_after) / self.runs

    @property
    def median(self) -> float | None:
        return statistics.median(self.harmed_after) if self.harmed_after else None


def run_crossovers(case: Case, runs: int, seed: str) -> Trials:
    verdicts = (play(case, f"{seed} {number}") for number in range(runs))
    return Trials(runs, [verdict.done for verdict in verdicts if verdict.kind == HARM])


def play(case: Case, seed: str) -> CrossoverVerdict:
    """Return the verdict of one crossover: the first harm, looked for after every pair, else the last one."""
    rng = random.Random(seed)
    names = [f"key:{number}" for number in range(case.clients)]
    crossover = Crossover(0.0, 3_600.0, case.pairs, {name: place for place, name in enumerate(names)})
    seen = draw(case, crossover, f"{rng.getrandbits(64):016x}", rng)
    for done in range(1, case.pairs + 1):
        verdict = judge_crossover(crossover, seen, done)
        if verdict.kind == HARM:
            break
    return verdict


def draw(case: Case, crossover: Crossover, salt: str, rng: random.Random) -> dict[tuple[int, int], Answered]:
    """Return what is seen in all periods."""
    noon = rng.random() * PERIODS_A_DAY
    hours = range(crossover.periods)
    load = [1 + 0.6 * math.sin(2 * math.pi * (hour - noon) / PERIODS_A_DAY) for hour in hours]
    outages = [rng.uniform(0.02, 0.6) if rng.random() < case.outage else 0.0 for _ in hours]
    seen = {}
    for name, place in crossover.consumers.items():
        requests = math.exp(rng.uniform(*map(math.log, case.requests)))
        share = rng.uniform(*case.base)
        is_harmed = case.harmed is None or place < case.harmed
        for hour in hours:
            is_v2 = is_drawn(crossover, name, hour, salt)
            own = share * (case.errors if is_v2 and is_harmed else 1.0)
            spell = rng.uniform(0.02, 0.2) if rng.random() < SPELL else 0.0
            sent = _poisson(rng, requests * load[hour] * rng.uniform(0.5, 1.5))
            fails = 1 - (1 - min(1.0, own)) * (1 - spell) * (1 - outages[hour])
            seen[place, hour] = Answered(is_v2, sent, rng.binomialvariate(sent, fails))
    return seen


def print_crossovers(share: float, only: str | None, seed: str) -> None:
    print(
        "Crossovers of 12 clients over 10 pairs of periods, and others; median: after how many pairs harm was found.\n"
    )
    print(f"{'v2 is':64}{'runs':>6}{'harm':>9}{'median':>8}", flush=True)
    for name, (case, runs) in ROWS.items():
        if only in (None, name):
            trials = run_crossovers(case, max(1, round(runs * share)), f"{seed} {name}")
            median = "" if trials.median is None else f"{trials.median:g}"
            print(f"{name:64}{trials.runs:>6}{100 * trials.rate:>7.1f} %{median:>8}", flush=True)
    print()


def _poisson(rng: random.Random, mean: float) -> int:
    """Draw how many requests come while one is expected every 1 / mean."""
    count, at = 0, rng.expovariate(1.0)
    while at < mean:
        count, at = count + 1, at + rng.expovariate(1.0)
    return count
