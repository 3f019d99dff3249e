"""Which routes are harmed: shown to people, never acted on.

A route's evidence is the product of the bets that were made on its events. The list is cut by e-BH (Wang & Ramdas 2022,
arXiv:2009.02824): of the routes in it at most ALPHA are wrong on average, under any dependence.
"""

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from canary.core.statistics.bets import ALPHA, RANK_STAKES, RISK_RATIOS, log_error_mixture, log_mean_exp

MAX_ROUTES: Final = 500


class RouteEvidence(NamedTuple):
    route: str
    log_e: float
    is_harmed: bool


class RouteTests:
    def __init__(self) -> None:
        self._errors: dict[str, list[float]] = {}
        self._latencies: dict[str, list[float]] = {}

    def grow_errors(self, route: str, grown: Sequence[float]) -> None:
        _grow(self._errors, route, grown)

    def grow_latency(self, route: str, grown: Sequence[float]) -> None:
        _grow(self._latencies, route, grown)

    def ranked(self) -> list[RouteEvidence]:
        """Return all routes with any evidence, the strongest first."""
        routes = sorted({*self._errors, *self._latencies})
        logs = sorted(((self._log_e(route), route) for route in routes), key=lambda pair: (-pair[0], pair[1]))
        harmed = 0
        for k, (log_e, _) in enumerate(logs, start=1):
            # In logarithms, capped: beyond e**700 a float overflows, and anything there is harmed.
            if log_e > 700 or k * ALPHA * math.exp(log_e) >= len(logs):
                harmed = k
        return [RouteEvidence(route, log_e, k < harmed) for k, (log_e, route) in enumerate(logs)]

    def _log_e(self, route: str) -> float:
        errors = self._errors.get(route, [0.0] * len(RISK_RATIOS))
        latencies = self._latencies.get(route, [0.0] * len(RANK_STAKES))
        return log_mean_exp([log_error_mixture(errors), log_mean_exp(latencies)])

    def dump(self) -> dict[str, Any]:
        return {"errors": list(self._errors.items()), "latencies": list(self._latencies.items())}

    @classmethod
    def load(cls, tree: dict[str, Any]) -> "RouteTests":
        routes = cls()
        routes._errors, routes._latencies = dict(tree["errors"]), dict(tree["latencies"])
        return routes


def _grow(logs_of: dict[str, list[float]], route: str, grown: Sequence[float]) -> None:
    logs = logs_of.get(route)
    if logs is not None:
        logs_of[route] = [log + factor for log, factor in zip(logs, grown, strict=True)]
    elif len(logs_of) < MAX_ROUTES:
        logs_of[route] = list(grown)
