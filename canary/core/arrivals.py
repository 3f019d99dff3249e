"""Arrivals: how many different people of a finite population come in how long.

An identity that the last t seconds have seen is one that comes within t seconds, as long as people come as they did.
So the time of each identity's last request gives the whole curve: how many there are, and how they come back.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

WEEK_S: Final = 7 * 24 * 3600.0
SHORTEST_S: Final = 60.0
"""An identity's last visit is noted every 30 seconds, so that less says little."""
HALVINGS: Final = 14
POINTS_LEAST: Final = 3
THIRD_REQUEST: Final = 5
"""A person is judged by the third request, for which all together take about five times as long as for the first one:
in the simulated population, and when a few of them come often and most seldom."""


def ages_of(recorded_s: float) -> list[float]:
    """Return the ages to count people at, each half of the one before; none where too little is recorded."""
    longest_s = min(recorded_s, WEEK_S)
    if longest_s < SHORTEST_S:
        return []
    ages = [longest_s / 2**halving for halving in range(HALVINGS)]
    return [age for place, age in enumerate(ages) if place < POINTS_LEAST or age >= SHORTEST_S]


@dataclass(frozen=True, slots=True)
class Arrivals:
    times_s: tuple[float, ...]
    people: tuple[float, ...]
    """Both grow, and begin with 0: so many different people come within so many seconds."""

    @classmethod
    def of(cls, ages_s: Sequence[float], counts: Sequence[int]) -> "Arrivals":
        """Return the curve of the counts at `ages_of`; less than a week of records is carried on to a week."""
        known = sorted(zip(ages_s, counts, strict=True))
        return cls(*zip((0.0, 0.0), *known, *_foretold(ages_s, counts), strict=True))

    @property
    def population(self) -> float:
        """Return how many people come in a week."""
        return self.people[-1]

    def within(self, seconds: float) -> float:
        """Return how many different people come in this time."""
        return _between(self.times_s, self.people, seconds)

    def until(self, people: float) -> float | None:
        """Return after how many seconds so many have come; None when there are fewer."""
        return None if people > self.population else _between(self.people, self.times_s, people)

    def judged_within(self, seconds: float) -> float:
        """Return how many come often enough in this time to be judged."""
        return self.within(seconds / THIRD_REQUEST)

    def until_grown(self, age_s: float, times: float) -> float | None:
        """Return in how long a stage of this age has judged `times` as many as now; None when it never does."""
        first_s = self.until(times * self.judged_within(age_s))
        return None if first_s is None else max(0.0, THIRD_REQUEST * first_s - age_s)


def _foretold(ages_s: Sequence[float], counts: Sequence[int]) -> list[tuple[float, float]]:
    """Return points after the recorded ones: each doubling of the time adds a constant multiple of the one before.

    That holds when a few people come often and many seldom: the curve is a power of the time then. 1 is added to both
    counts because small numbers leave much open.
    """
    time_s, people = ages_s[0], float(counts[0])
    added, before = (float(more - fewer) for more, fewer in pairwise(counts[:POINTS_LEAST]))
    ratio = min(2.0, (added + 1) / (before + 1))
    points = []
    while time_s < WEEK_S:
        time_s, added = 2 * time_s, ratio * added
        people += added
        points.append((time_s, people))
    return points


def _between(given: Sequence[float], wanted: Sequence[float], value: float) -> float:
    """Return the value of a line through points, and the last one beyond them; `given` grows."""
    place = bisect_left(given, value)
    if place == 0 or place == len(given):
        return wanted[min(place, len(wanted) - 1)]
    low, high = given[place - 1], given[place]
    return wanted[place - 1] + (wanted[place] - wanted[place - 1]) * (value - low) / (high - low)
