"""One comparison of two arms: all tests together and their weighted mean. The A/A guard is another one of these."""

from typing import Any, Final, NamedTuple

from canary.core.statistics.bets import LOG_THRESHOLD, log_weighted
from canary.core.statistics.errors import ErrorTest
from canary.core.statistics.latency import LatencyTest
from canary.core.statistics.networks import Networks
from canary.core.statistics.routes import RouteTests
from canary.core.statistics.units import Units

METRICS: Final = ("error", "latency", "client_error")
CLIENT_ERROR_STAKE: Final = 1 / 40
"""The part of its capital that the gate of client errors stakes; the rest lies idle, and is 1 for ever.

A metric that is unchanged brings down a v2 that is better in all others about once in `threshold / weight` releases: staked
whole that was once in 400. Now many refused users are needed for a rollback, while THRESHOLD of the bets alone still holds.
"""
WEIGHTS: Final = (1 / 2, 1 / 4, CLIENT_ERROR_STAKE / 12)
"""Of the metrics' evidence in the whole. A quarter is for the mean of the other gates: refused requests, SQL, shadow reads."""
WEIGHT_AT_REST: Final = 1 / 4 - CLIENT_ERROR_STAKE / 12
"""Of SQL and shadow reads, which are decided by a rule and not by evidence, and of what isn't staked: theirs is 1 for ever.

A mean of e-processes is one under any dependence when all bet with the same knowledge. Here each metric learns sides on its
own; that the mean keeps its level all the same is shown by simulation (`make simulate`), not proved.
"""


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
        """Uses three slots of a unit and three bits of a network, from the first ones on."""
        self._slot_of = {metric: first_slot + k for k, metric in enumerate(METRICS)}
        self._bit_of = {metric: first_bit << k for k, metric in enumerate(METRICS)}
        self.errors = ErrorTest(margin)
        self.client_errors = ErrorTest(margin)
        self.latency = LatencyTest()
        self.routes = RouteTests()
        self.log_overall = 0.0
        self.peak = 0.0
        """The highest evidence so far: what counts, so that a verdict doesn't depend on when one looked."""

    def take(self, units: Units, networks: Networks, seen: Seen, on_v2: bool) -> None:
        slot = seen.place + self._slot_of[seen.metric]
        possible = units.open_range(slot, seen.weight_bp)
        if possible is None:
            return
        if seen.network is not None and not networks.use(seen.network, self._bit_of[seen.metric]):
            return
        if self._bet(seen, possible, on_v2):
            units.reveal(slot, seen.weight_bp, on_v2)
            self._weigh()

    @property
    def is_alarm(self) -> bool:
        return self.peak >= LOG_THRESHOLD

    def log_e(self) -> dict[str, float]:
        logs = (self.errors.log_e, self.latency.log_e, self.client_errors.log_e)
        return {**dict(zip(METRICS, logs, strict=True)), "overall": self.log_overall}

    def _bet(self, seen: Seen, possible: tuple[int, int], on_v2: bool) -> bool:
        """Whether anything was bet, so that the unit's side is known to this test from now on."""
        if seen.metric == "error":
            self.routes.grow_errors(seen.route, self.errors.take(seen.weight_bp, possible, on_v2))
            return True
        if seen.metric == "client_error":
            self.client_errors.take(seen.weight_bp, possible, on_v2)
            return True
        low, high = possible
        grown = self.latency.take(seen.route, seen.value, (seen.weight_bp - low) / (high - low), on_v2)
        if grown is not None:
            self.routes.grow_latency(seen.route, grown)
        return grown is not None

    def _weigh(self) -> None:
        logs = (self.errors.log_e, self.latency.log_e, self.client_errors.log_e)
        self.log_overall = log_weighted([*zip(WEIGHTS, logs, strict=True), (WEIGHT_AT_REST, 0.0)])
        self.peak = max(self.peak, self.log_overall)

    def dump(self) -> dict[str, Any]:
        return {
            "errors": self.errors.dump(),
            "client_errors": self.client_errors.dump(),
            "latency": self.latency.dump(),
            "routes": self.routes.dump(),
            "peak": self.peak,
        }

    def restore(self, tree: dict[str, Any]) -> None:
        self.errors = ErrorTest.load(tree["errors"])
        self.client_errors = ErrorTest.load(tree["client_errors"])
        self.latency = LatencyTest.load(tree["latency"])
        self.routes = RouteTests.load(tree["routes"])
        self._weigh()
        self.peak = tree["peak"]
