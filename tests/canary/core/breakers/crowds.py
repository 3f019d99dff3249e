"""Made-up clients of both versions, minute by minute as the recorders would note them, and who is rolled back when."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from canary.core.breakers import Limits, Minute, Sightings, trips_of
from canary.core.judgements import Stage

LIMITS: Final = Limits()
STEPS: Final = ((1_000, 3_600), (5_000, 3_600), (9_000, 3_600), (10_000, 3_600))
"""Weights, and for how many seconds each is in force."""
BEFORE_S: Final = 900
READS: Final = 0.8
"""So many of the requests are reads, which v1 answers in the place of v2."""


class User(NamedTuple):
    unit: str
    bucket: int
    rate: float
    """Requests a minute."""
    failing: float


class Ended(NamedTuple):
    breaker: str
    step: int
    after_s: float
    """Since the step."""


type Chance = Callable[[User, int, float], float]
"""Of a failed answer: to this user, by this version, at this second since the first step."""


@dataclass
class Counted:
    """What was answered at one stage."""

    of_minutes: dict[int, dict[tuple[int, str], list[int]]] = field(default_factory=dict)

    def add(self, at_s: float, api_version: int, unit: str, failed: bool) -> None:
        counts = self._counts(at_s, api_version, unit)
        counts[0] += 1
        counts[1] += failed

    def fail_over(self, at_s: float, unit: str, failed: bool) -> None:
        counts = self._counts(at_s, 2, unit)
        counts[2] += 1
        counts[3] += failed

    def _counts(self, at_s: float, api_version: int, unit: str) -> list[int]:
        return self.of_minutes.setdefault(int(at_s // 60) * 60, {}).setdefault((api_version, unit), [0, 0, 0, 0])

    def lately(self, now: float, age_s: float) -> list[Minute]:
        """As the controller reads them."""
        minutes = self.since(now - 900) if age_s > 1_800 else []
        enough = sum(minute.answers for minute in minutes if minute.api_version == 2) >= 10
        return minutes if enough else self.since(now - 1_800)

    def since(self, at_s: float) -> list[Minute]:
        return [
            Minute(start_s, version, unit, answers, failures, answers, 0, failed_over, failed_twice)
            for start_s, counts in self.of_minutes.items()
            if start_s >= at_s
            for (version, unit), (answers, failures, failed_over, failed_twice) in counts.items()
        ]


def draw_users(
    rng: random.Random, size: int, *, shape: float = 0.5, mean: float = 0.1, odd: float = 0.05
) -> list[User]:
    """Activity Gamma(`shape`), `mean` a minute; 0.5 % of the requests fail, the smaller `odd` the fewer users'."""
    return [
        User(
            f"{number:032x}",
            rng.randrange(10_000),
            rng.gammavariate(shape, mean / shape),
            rng.betavariate(odd, 199 * odd),
        )
        for number in range(size)
    ]


def draw_clients(rng: random.Random, size: int, rate: float) -> list[User]:
    return [User(f"{number:032x}", rng.randrange(10_000), rate, 0.0) for number in range(size)]


def play(
    rng: random.Random,
    users: Sequence[User],
    chance: Chance,
    steps: Sequence[tuple[int, int]] = STEPS,
    look_s: int = 60,
) -> Ended | None:
    """Return the first trip, None if there is none; nobody was on v2 before the first step."""
    before: list[Minute] = []
    began_s = -BEFORE_S
    for number, (weight_bp, length_s) in enumerate(((0, BEFORE_S), *steps)):
        stage, counted = Stage(number, weight_bp, began_s, 0.0, None), Counted()
        for now in range(began_s + look_s, began_s + length_s + 1, look_s):
            for at_s, user in _arrivals(rng, users, (now - look_s, now)):
                _answer(rng, counted, user, weight_bp, (at_s, chance))
            seen = Sightings(minutes=counted.lately(now, now - began_s), before=before)
            for trip in trips_of(seen, stage, LIMITS, now):
                return Ended(trip.breaker, number, now - began_s)
        before, began_s = counted.since(began_s + length_s - BEFORE_S), began_s + length_s
    return None


def _arrivals(rng: random.Random, users: Sequence[User], span: tuple[float, float]) -> Iterator[tuple[float, User]]:
    """Every user's requests are a Poisson process."""
    rate = sum(user.rate for user in users) / 60
    at_s, weights = span[0], [user.rate for user in users]
    times = []
    while (at_s := at_s + rng.expovariate(rate)) < span[1]:
        times.append(at_s)
    yield from zip(times, rng.choices(users, weights, k=len(times)), strict=True)


def _answer(rng: random.Random, counted: Counted, user: User, weight_bp: int, moment: tuple[float, Chance]) -> None:
    at_s, chance = moment
    api_version = 2 if user.bucket < weight_bp else 1
    failed = rng.random() < chance(user, api_version, at_s)
    counted.add(at_s, api_version, user.unit, failed)
    if failed and api_version == 2 and rng.random() < READS:
        counted.fail_over(at_s, user.unit, rng.random() < chance(user, 1, at_s))
