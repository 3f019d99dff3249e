"""Is v2 slower? A rank test that may be looked at at any time: no distribution is assumed, heavy tails do no harm.

Each unit's summary is ranked among the earlier ones of the same route, of both versions. The higher the rank, the more
is bet on v2. The rank uses the past alone and the bets grow with it, so no bet gains while v2 is stochastically not
slower. A route that one version lacks, or that is used less on one, makes no bet gain either (ADR 31).
"""

from array import array
from bisect import bisect_left, bisect_right, insort
from collections import deque
from typing import Any, Final

from canary.core.statistics.bets import RANK_STAKES, latency_factors, log_mean_exp

LEAST_EARLIER: Final = 20
"""Summaries of a route before the first bet: earlier a rank has no meaning."""
MAX_EARLIER: Final = 1_024
"""The latest summaries of a route that ranks are taken among; a finer rank would bet no better."""
MAX_ROUTES: Final = 200

type Sums = list[list[float]]
"""Summaries of v1 and of v2: how many, their sum, the sum of their squares."""


def no_sums() -> Sums:
    return [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def add_to(sums: Sums, value: float, on_v2: bool) -> None:
    for power, total in enumerate((1.0, value, value * value)):
        sums[on_v2][power] += total


class Earlier:
    """The summaries of one route: sorted for ranks, in order of arrival to forget the oldest, summed up for people."""

    def __init__(self, arrived: array[float] | None = None) -> None:
        self.arrived = deque(arrived or ())
        self.ordered = sorted(self.arrived)
        self.sums = no_sums()

    @property
    def is_telling(self) -> bool:
        """Return whether a rank may be bet on: it has enough to rank among, and both versions serve the route."""
        return len(self.ordered) >= LEAST_EARLIER and bool(self.sums[0][0] and self.sums[1][0])

    def rank(self, value: float) -> float:
        """Return the share that is lower; equal ones count half, so that the mean of all ranks is a half."""
        middle = (bisect_left(self.ordered, value) + bisect_right(self.ordered, value)) / 2
        return (middle + 0.5) / (len(self.ordered) + 1)

    def add(self, value: float, on_v2: bool) -> None:
        if len(self.arrived) >= MAX_EARLIER:
            del self.ordered[bisect_left(self.ordered, self.arrived.popleft())]
        self.arrived.append(value)
        insort(self.ordered, value)
        add_to(self.sums, value, on_v2)


class LatencyTest:
    def __init__(self) -> None:
        self.logs = [0.0] * len(RANK_STAKES)
        self.log_e = 0.0
        self.bets = 0
        self.routes: dict[str, Earlier] = {}
        self.cold: dict[str, Sums] = {}
        """By route, the summaries of the warm-up of each step: shown, never bet on."""

    def take(self, route: str, value: float, chance: float, on_v2: bool) -> list[float] | None:
        """Take a unit's summary; return the logarithms by which the bets grew, None when nothing was bet yet."""
        earlier = self.routes.get(route)
        if earlier is None:
            if len(self.routes) >= MAX_ROUTES:
                return None
            earlier = self.routes[route] = Earlier()
        grown = None
        if earlier.is_telling:
            grown = latency_factors(earlier.rank(value), chance, on_v2)
            self.logs = [log + factor for log, factor in zip(self.logs, grown, strict=True)]
            self.log_e = log_mean_exp(self.logs)
            self.bets += 1
        earlier.add(value, on_v2)
        return grown

    def take_cold(self, route: str, value: float, on_v2: bool) -> None:
        if route in self.cold or len(self.cold) < MAX_ROUTES:
            add_to(self.cold.setdefault(route, no_sums()), value, on_v2)

    def sums(self, *, with_cold: bool) -> list[Sums]:
        """Return the sums of each route, without or with the warm-up of each step."""
        found = {route: earlier.sums for route, earlier in self.routes.items()}
        if not with_cold:
            return [*found.values()]
        return [_added(found.get(route), self.cold.get(route)) for route in {**found, **self.cold}]

    def dump(self) -> dict[str, Any]:
        routes = [[route, array("d", earlier.arrived), earlier.sums] for route, earlier in self.routes.items()]
        return {"logs": self.logs, "bets": self.bets, "routes": routes, "cold": self.cold}

    @classmethod
    def load(cls, tree: dict[str, Any]) -> "LatencyTest":
        test = cls()
        test.logs, test.bets = tree["logs"], tree["bets"]
        test.log_e = log_mean_exp(test.logs)
        for route, arrived, sums in tree["routes"]:
            test.routes[route] = Earlier(arrived)
            test.routes[route].sums = sums
        test.cold = tree["cold"]
        return test


def _added(one: Sums | None, other: Sums | None) -> Sums:
    pairs = zip(one or no_sums(), other or no_sums(), strict=True)
    return [[a + b for a, b in zip(*versions, strict=True)] for versions in pairs]
