"""Is v2 slower? A rank test that may be looked at at any time: no distribution is assumed, heavy tails do no harm.

Each unit's summary is ranked among the earlier ones of the same route, of both versions; the higher the rank, the more is
bet on v2. As the rank uses the past alone and the bets grow with it, no bet gains while v2 is stochastically not slower.
"""

from array import array
from bisect import bisect_left, insort
from collections import deque
from typing import Any, Final

from canary.core.statistics.bets import LEHMANN, latency_factors, log_mean_exp

WARM_UP: Final = 20
"""Summaries of a route before the first bet: earlier a rank says nothing."""
MAX_EARLIER: Final = 1_024
"""The latest summaries of a route that ranks are taken among; a finer rank would bet no better."""
MAX_ROUTES: Final = 200


class Earlier:
    """The summaries of one route: sorted for ranks, in order of arrival to forget the oldest, summed up for people."""

    def __init__(self, arrived: array[float] | None = None) -> None:
        self.arrived = deque(arrived or ())
        self.ordered = sorted(self.arrived)
        self.sums = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
        """Of v1 and of v2: how many, their sum, the sum of their squares."""

    def rank(self, value: float) -> float:
        return (bisect_left(self.ordered, value) + 0.5) / (len(self.ordered) + 1)

    def add(self, value: float, on_v2: bool) -> None:
        if len(self.arrived) >= MAX_EARLIER:
            del self.ordered[bisect_left(self.ordered, self.arrived.popleft())]
        self.arrived.append(value)
        insort(self.ordered, value)
        sums = self.sums[on_v2]
        sums[0] += 1
        sums[1] += value
        sums[2] += value * value


class LatencyTest:
    def __init__(self) -> None:
        self.logs = [0.0] * len(LEHMANN)
        self.log_e = 0.0
        self.bets = 0
        self.routes: dict[str, Earlier] = {}

    def take(self, route: str, value: float, chance: float, on_v2: bool) -> list[float] | None:
        """A unit's summary; returns the logarithms by which the bets grew, None when nothing was bet yet."""
        earlier = self.routes.get(route)
        if earlier is None:
            if len(self.routes) >= MAX_ROUTES:
                return None
            earlier = self.routes[route] = Earlier()
        grown = None
        if len(earlier.ordered) >= WARM_UP:
            grown = latency_factors(earlier.rank(value), chance, on_v2)
            self.logs = [log + factor for log, factor in zip(self.logs, grown, strict=True)]
            self.log_e = log_mean_exp(self.logs)
            self.bets += 1
        earlier.add(value, on_v2)
        return grown

    def dump(self) -> dict[str, Any]:
        routes = [[route, array("d", earlier.arrived), earlier.sums] for route, earlier in self.routes.items()]
        return {"logs": self.logs, "bets": self.bets, "routes": routes}

    @classmethod
    def load(cls, tree: dict[str, Any]) -> "LatencyTest":
        test = cls()
        test.logs, test.bets = tree["logs"], tree["bets"]
        test.log_e = log_mean_exp(test.logs)
        for route, arrived, sums in tree["routes"]:
            test.routes[route] = Earlier(arrived)
            test.routes[route].sums = sums
        return test
