"""One comparison of two arms: all tests together, and the alarm. The A/A guard is another one of these."""

import math
from typing import Any, Final, NamedTuple

from canary.core.statistics.bets import LOG_THRESHOLD, THRESHOLD
from canary.core.statistics.errors import ErrorTest
from canary.core.statistics.latency import LatencyTest
from canary.core.statistics.networks import Networks
from canary.core.statistics.routes import RouteTests
from canary.core.statistics.units import Units

METRICS: Final = ("error", "latency", "refusal")
WEIGHTS: Final = {"error": 0.5, "latency": 0.25, "pair_error": 0.15, "pair_time": 0.1}
"""How ALPHA is divided among the tests that may roll back: a test alarms at THRESHOLD / its weight. The sum is 1.

Each test learns sides on its own, so the mean of their evidence need not be an e-process. The chance that any of them
ever reaches its limit is at most the sum of their chances, under any dependence (ADR 31). Refusals roll nothing back.
"""
LIMITS: Final = {metric: THRESHOLD / weight for metric, weight in WEIGHTS.items()}
"""The evidence at which each test alarms."""


class Seen(NamedTuple):
    """An observation, prepared: where its unit's slots begin, and the network that it is counted for, if any."""

    place: int
    weight_bp: int
    metric: str
    route: str
    value: float
    network: int | None


class Comparison:
    def __init__(self, first_slot: int, first_bit: int, margin: float = 1.0) -> None:
        """Use three slots of a unit and three bits of a network, from the first ones on."""
        self._slot_of = {metric: first_slot + k for k, metric in enumerate(METRICS)}
        self._bit_of = {metric: first_bit << k for k, metric in enumerate(METRICS)}
        self.errors = ErrorTest(margin)
        self.refusals = ErrorTest(margin)
        self.latency = LatencyTest()
        self.routes = RouteTests()
        self.joined: dict[str, float] = {}
        """The logarithms of the evidence of tests that stand elsewhere, by metric."""
        self.log_overall = self.peak = _largest(self._deciding())
        """The peak is the highest so far: what counts, so that a verdict doesn't depend on when one looked."""

    def take(self, units: Units, networks: Networks, seen: Seen, on_v2: bool) -> None:
        slot = seen.place + self._slot_of[seen.metric]
        possible = units.open_range(slot, seen.weight_bp)
        if possible is None:
            return
        if seen.network is not None and not networks.use(seen.network, self._bit_of[seen.metric], on_v2):
            return
        if self._bet(seen, possible, on_v2):
            units.reveal(slot, seen.weight_bp, on_v2)
            self._weigh()

    @property
    def is_alarm(self) -> bool:
        return self.peak >= LOG_THRESHOLD

    def log_e(self) -> dict[str, float]:
        """Return the evidence of each test, and `overall`: the largest weight times evidence, limited by THRESHOLD."""
        return {**self._deciding(), "refusal": self.refusals.log_e, "overall": self.log_overall}

    def join(self, metric: str, log_e: float) -> None:
        """Take the present evidence of a test that stands elsewhere; `metric` is one of WEIGHTS."""
        self.joined[metric] = log_e
        self._weigh()

    def _bet(self, seen: Seen, possible: tuple[int, int], on_v2: bool) -> bool:
        """Return whether anything was bet, so that the unit's side is known to this test from now on."""
        if seen.metric == "error":
            self.routes.grow_errors(seen.route, self.errors.take(seen.weight_bp, possible, on_v2))
            return True
        if seen.metric == "refusal":
            self.refusals.take(seen.weight_bp, possible, on_v2)
            return True
        low, high = possible
        grown = self.latency.take(seen.route, seen.value, (seen.weight_bp - low) / (high - low), on_v2)
        if grown is not None:
            self.routes.grow_latency(seen.route, grown)
        return grown is not None

    def _deciding(self) -> dict[str, float]:
        return {"error": self.errors.log_e, "latency": self.latency.log_e, **self.joined}

    def _weigh(self) -> None:
        self.log_overall = _largest(self._deciding())
        self.peak = max(self.peak, self.log_overall)

    def dump(self) -> dict[str, Any]:
        return {
            "errors": self.errors.dump(),
            "refusals": self.refusals.dump(),
            "latency": self.latency.dump(),
            "routes": self.routes.dump(),
            "joined": self.joined,
            "peak": self.peak,
        }

    def restore(self, tree: dict[str, Any]) -> None:
        self.errors = ErrorTest.load(tree["errors"])
        self.refusals = ErrorTest.load(tree["refusals"])
        self.latency = LatencyTest.load(tree["latency"])
        self.routes = RouteTests.load(tree["routes"])
        self.joined = tree["joined"]
        self._weigh()
        self.peak = tree["peak"]


def _largest(logs: dict[str, float]) -> float:
    return max(math.log(WEIGHTS[metric]) + log_e for metric, log_e in logs.items())
