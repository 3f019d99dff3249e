"""The sum over all workers of a server, in Prometheus' text format. Only this module imports its slow library."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from canary.metrics.counters import (
    COUNTERS,
    FROM_THE_START,
    GAUGES,
    HISTOGRAM,
    HISTOGRAM_LABELS,
    LATENCY_BOUNDS_S,
    OF_VERSIONS,
    Labels,
    Totals,
)
from canary.state.store import current_snapshot

try:
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
    from prometheus_client.registry import Collector
except ImportError as error:
    missing = "Metrics need prometheus-client: pip install 'django-version-canary[prometheus]'."
    raise ImproperlyConfigured(missing) from error

CONTENT_TYPE = CONTENT_TYPE_LATEST


def exposition(ended: Mapping[str, Any] | None, living: Iterable[Mapping[str, Any]]) -> bytes:
    """Return Prometheus' text of the sum of all dumps; of processes that have ended, the counters alone."""
    workers, total = list(living), Totals()
    for dumped in [*([ended] if ended else []), *workers]:
        total.add_dumped(dumped)
    registry = CollectorRegistry()
    registry.register(_Sum(total, workers))
    return generate_latest(registry)


class _Sum(Collector):
    def __init__(self, total: Totals, workers: list[Mapping[str, Any]]) -> None:
        self._total, self._workers = total, workers
        names = tuple((name,) for name in current_snapshot().names)
        self._from_the_start = FROM_THE_START | dict.fromkeys(OF_VERSIONS, names)

    def collect(self) -> Iterator[Metric]:
        for name, (labels, text) in COUNTERS.items():
            counter = CounterMetricFamily(name, text, labels=labels)
            at_first = dict.fromkeys(self._from_the_start.get(name, () if labels else ((),)), 0.0)
            for values, value in sorted((at_first | self._total.counters.get(name, {})).items()):
                counter.add_metric(values, value)
            yield counter
        yield self._latencies()
        for name, (labels, how, text) in GAUGES.items():
            gauge = GaugeMetricFamily(name, text, labels=labels)
            for values, value in sorted(_combined(name, how, self._workers).items()):
                gauge.add_metric(values, value)
            yield gauge

    def _latencies(self) -> HistogramMetricFamily:
        family = HistogramMetricFamily(HISTOGRAM, "How long answers below the entrance took.", labels=HISTOGRAM_LABELS)
        for labels, (*counts, seconds) in sorted(self._total.histograms.items()):
            bounds, cumulative = [], 0.0
            for bound, count in zip([*map(str, LATENCY_BOUNDS_S), "+Inf"], counts, strict=True):
                cumulative += count
                bounds.append((bound, cumulative))
            family.add_metric(labels, bounds, seconds)
        return family


def _combined(name: str, how: str, workers: list[Mapping[str, Any]]) -> dict[Labels, float]:
    if how == "oldest":  # as the worker tells it that is furthest behind, like the version beside it
        workers = sorted(workers, key=_version)[:1]
    combine: Callable[[list[float]], float] = {"min": min, "sum": sum}.get(how, max)  # type: ignore[assignment]
    values: dict[Labels, list[float]] = {}
    for worker in workers:
        for labels, value in worker["gauges"].get(name, ()):
            values.setdefault(tuple(labels), []).append(value)
    return {labels: combine(found) for labels, found in values.items()}


def _version(worker: Mapping[str, Any]) -> float:
    series = worker["gauges"].get("canary_config_version", ())
    return float(series[0][1]) if series else float("inf")
