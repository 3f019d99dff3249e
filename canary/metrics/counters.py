"""This process's numbers for Prometheus: plain dictionaries that the background turns change.

`canary.metrics.node` carries them from worker to worker, `canary.metrics.exposition` writes them as Prometheus' text.
"""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, Final

LATENCY_BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SERIES_MAX: Final = 5_000
"""The most series of one process. Labels are routes, versions and the like, so nothing should ever come near it."""

# Name without `_total`: labels and help.
COUNTERS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "canary_requests": (("version", "route", "status_class"), "Answered requests below the entrance."),
    "canary_decision_errors": ((), "Faults inside the canary; the request was answered by the stable version."),
    "canary_shadow": (("result",), "Reads and writes that were repeated with both versions, by what came of it."),
    "canary_hangs": (("version",), "Requests without an answer for CANARY_HANG_S, each recorded as a failed answer."),
    "canary_crashes": (("version",), "Requests that were in flight when their process died."),
    "canary_shed": ((), "Requests for which the candidate had no place: the stable version answered them, or 503."),
    "canary_failovers": ((), "Reads that the candidate failed and the stable version was asked for in its place."),
    "canary_recorder_dropped": ((), "Requests that were not recorded because the queue was full."),
    "canary_recorder_lost": ((), "Recorded things given up because the database was away for too long."),
}
SHADOW_RESULTS: Final = (
    *("equal", "different", "accepted", "failed", "timed_out", "dropped", "unmapped"),
    *("abandoned", "refused_both", "refused_once", "refused_v2"),
)
"""`failed`: by v1, or by the repeat itself. `unmapped`: without a translation, or not good on v1. `abandoned`: the
thread never came back. `refused_both`, `refused_once` and `refused_v2`: v2 refused it. v1 refuses it too; or v1 answers
it, and v2 does not refuse its translation; or v2 refuses that too.
"""
FROM_THE_START: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "canary_shadow": tuple((result,) for result in SHADOW_RESULTS),
}
"""Series that are told as 0 before anything is counted. Prometheus sees no increase in a series that begins at 1."""
OF_VERSIONS: Final = ("canary_hangs", "canary_crashes")
"""Likewise, one for each version."""
# How the values of the workers become one.
GAUGES: Final[Mapping[str, tuple[tuple[str, ...], str, str]]] = {
    "canary_weight_bp": ((), "oldest", "Share of identities that the candidate answers, in basis points."),
    "canary_config_version": ((), "min", "Version of the rollout that is served, of the worker furthest behind."),
    "canary_snapshot_age_seconds": ((), "max", "Since the rollout was last read, of the worker furthest behind."),
    "canary_in_flight": (("version",), "sum", "Requests below the entrance that wait for their answer."),
    "canary_bulkhead": (
        (),
        "sum",
        "Requests of the candidate that server processes answer at a time beside the stable version.",
    ),
    "canary_latched": ((), "max", "1 while a rollback waits for somebody to acknowledge it."),
    "canary_controller_age_seconds": (
        (),
        "min",
        "Since a controller last finished a turn, as far as this server knows.",
    ),
    "canary_needs_controller": (
        (),
        "max",
        "1 while the weight or a crossover sends anybody to the candidate whom a rollback would send back.",
    ),
    "canary_crossover_period": ((), "max", "Number of the crossover's period, from 1 on; 0 while none runs."),
    "canary_evidence": (("metric",), "max", "Evidence of harm as an e-value; `overall` at 20 rolls back."),
    "canary_top_identity_share": ((), "max", "Share of the entrance's requests that one identity sends."),
    "canary_workers": ((), "sum", "Server processes of this server that tell of themselves."),
    "canary_db_pool_size": ((), "sum", "Open database connections in the pools."),
    "canary_db_pool_available": ((), "sum", "Those that nobody uses."),
    "canary_db_pool_waiting": ((), "sum", "Requests that wait for one."),
}
HISTOGRAM: Final = "canary_request_seconds"
HISTOGRAM_LABELS: Final = ("version", "route")

type Labels = tuple[str, ...]


class Totals:
    """Cumulative since the process began, except the gauges, which are of now."""

    def __init__(self) -> None:
        self.counters: dict[str, dict[Labels, float]] = {}
        self.histograms: dict[Labels, list[float]] = {}
        """The requests per bound and beyond the last one, not cumulative, and then the sum of seconds."""
        self.gauges: dict[str, dict[Labels, float]] = {}

    def count_request(self, version: str, route: str, status: int, seconds: float) -> None:
        self.count("canary_requests", (version, route, f"{status // 100}xx"))
        places = self.histograms.get((version, route))
        if places is None:
            if len(self.histograms) >= SERIES_MAX:
                return
            places = self.histograms[version, route] = [0.0] * (len(LATENCY_BOUNDS_S) + 2)
        places[bisect_left(LATENCY_BOUNDS_S, seconds)] += 1
        places[-1] += seconds

    def count(self, name: str, labels: Labels = (), times: float = 1) -> None:
        """Count; `name` is one of COUNTERS."""
        series = self.counters.setdefault(name, {})
        if labels in series or len(series) < SERIES_MAX:
            series[labels] = series.get(labels, 0.0) + times

    def set_counter(self, name: str, value: float, labels: Labels = ()) -> None:
        """Set the number that another part counts; never less than before."""
        self.counters.setdefault(name, {})[labels] = value

    def gauge(self, name: str, values: Mapping[Labels, float]) -> None:
        self.gauges[name] = dict(values)

    def dump(self) -> dict[str, Any]:
        """Return the totals as JSON has them."""
        return {
            "counters": {name: _listed(series) for name, series in self.counters.items()},
            "histograms": _listed(self.histograms),
            "gauges": {name: _listed(series) for name, series in self.gauges.items()},
        }

    def add_dumped(self, dumped: Mapping[str, Any]) -> None:
        """Add the counters of another process; its gauges ended with it."""
        for name, series in dumped["counters"].items():
            for labels, value in series:
                own = self.counters.setdefault(name, {})
                own[tuple(labels)] = own.get(tuple(labels), 0.0) + value
        for labels, places in dumped["histograms"]:
            own_places = self.histograms.get(tuple(labels))
            self.histograms[tuple(labels)] = (
                list(places) if own_places is None else [a + b for a, b in zip(own_places, places, strict=True)]
            )


def _listed(series: Mapping[Labels, Any]) -> list[tuple[Labels, Any]]:
    return list(series.items())
