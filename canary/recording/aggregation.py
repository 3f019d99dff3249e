"""Observations as people read them: sums of both versions over a time, by route and over time. Knows no evidence.

The database adds up the numbers. Histograms are added up here: those of all requests of the last ten minutes by route,
older ones for each version and minute, and beyond two hours for each hour. A day needs some 300 of them.
"""

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import Count, Max, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, NullIf

from canary.core.histograms import Histogram, Quantile, add_dumped, count_from, quantiles
from canary.core.shares import Band, binomial_band
from canary.core.values import CANDIDATE, STABLE, VERSIONS
from canary.models import MetricBucket, Observation, QueryFinding

SHARES: Final = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Totals:
    """One version over a time. Latencies in milliseconds, each with a 95 % interval; None without requests."""

    requests: int = 0
    users: int = 0
    """People first seen in that time at the release's stages; none before there is a stored rollout."""
    errors: int = 0
    """Answers of 500 and above."""
    client_errors: int = 0
    sql_mean: float | None = None
    """Statements a request."""
    sql_max: int = 0
    p50: Quantile | None = None
    p95: Quantile | None = None
    p99: Quantile | None = None

    @property
    def error_share(self) -> float | None:
        return self.errors / self.requests if self.requests else None


@dataclass(frozen=True, slots=True)
class RouteTotals:
    """One route by version, without quantiles: their mean latency in milliseconds stands for them."""

    route: str
    requests: Mapping[int, int]
    errors: Mapping[int, int]
    client_errors: Mapping[int, int]
    mean_ms: Mapping[int, float | None]
    sql_mean: Mapping[int, float | None]
    sql_max: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Step:
    """Both versions between `at` and the next step."""

    at: datetime.datetime
    requests: dict[int, int] = field(default_factory=lambda: dict.fromkeys(VERSIONS, 0))
    errors: dict[int, int] = field(default_factory=lambda: dict.fromkeys(VERSIONS, 0))
    seconds: dict[int, float] = field(default_factory=lambda: dict.fromkeys(VERSIONS, 0.0))

    @property
    def share_of_v2(self) -> float | None:
        total = sum(self.requests.values())
        return self.requests[CANDIDATE] / total if total else None

    def mean_ms(self, api_version: int) -> float | None:
        count = self.requests[api_version]
        return 1_000 * self.seconds[api_version] / count if count else None


@dataclass(frozen=True, slots=True)
class LiveShare:
    """The identities that a stage has seen, those that v2 answered, and the band that chance allows at its weight."""

    weight_bp: int
    units: int
    units_v2: int
    band: Band

    @property
    def share(self) -> float | None:
        return self.units_v2 / self.units if self.units else None

    @property
    def is_as_configured(self) -> bool:
        return self.share is None or self.band.holds(self.share)


def totals(since: datetime.datetime, release: int | None = None, *, judged: bool | None = True) -> dict[int, Totals]:
    """Return the totals of both versions since then; `judged` None for all requests, also those without evidence."""
    rows = _buckets(since, release, judged)
    numbers = {row["api_version"]: row for row in rows.values("api_version").annotate(**_SUMS)}
    histograms: dict[int, Histogram] = {version: {} for version in VERSIONS}
    for version, dumped in rows.exclude(histogram={}).values_list("api_version", "histogram").iterator(chunk_size=500):
        if version in histograms:
            add_dumped(histograms[version], dumped)
    users = _users(since, release)
    return {
        version: _totals(numbers.get(version, {}), histograms[version], users.get(version, 0)) for version in VERSIONS
    }


def per_route(
    since: datetime.datetime,
    release: int | None = None,
    *,
    judged: bool | None = True,
    until: datetime.datetime | None = None,
) -> list[RouteTotals]:
    """Return every requested route, the busiest first."""
    rows = (
        _buckets(since, release, judged, until).filter(requests__gt=0).values("route", "api_version").annotate(**_SUMS)
    )
    by_route: dict[str, dict[int, dict[str, Any]]] = {}
    for row in rows:
        by_route.setdefault(row["route"], {})[row["api_version"]] = {**row}
    found = [_route(route, versions) for route, versions in by_route.items()]
    return sorted(found, key=lambda one: (-sum(one.requests.values()), one.route))


def slow_requests(
    since: datetime.datetime, release: int, api_version: int, least_ms: float, *, until: datetime.datetime
) -> int:
    """Return how many requests took so long or longer, of all requests; within the 5 % of a histogram's bucket."""
    rows = _buckets(since, release, None, until).filter(api_version=api_version).exclude(histogram={})
    histogram: Histogram = {}
    for dumped in rows.values_list("histogram", flat=True).iterator(chunk_size=500):
        add_dumped(histogram, dumped)
    return count_from(histogram, least_ms)


def timeline(
    since: datetime.datetime, step_s: int, release: int | None = None, *, judged: bool | None = True
) -> list[Step]:
    """Return steps with requests, oldest first. Where only coarser rows are kept, they come as minutes or hours."""
    rows = (
        _buckets(since, release, judged)
        .filter(requests__gt=0)
        .values("start_at", "api_version")
        .annotate(requests=Sum("requests"), errors=Sum("status_5xx"), seconds=Sum("seconds"))
        .order_by("start_at")
    )
    steps: dict[int, Step] = {}
    for row in rows.iterator(chunk_size=2_000):
        at_s = int(row["start_at"].timestamp())
        at_s -= at_s % step_s
        step = steps.setdefault(at_s, Step(datetime.datetime.fromtimestamp(at_s, datetime.UTC)))
        version = row["api_version"]
        if version in VERSIONS:
            step.requests[version] += row["requests"]
            step.errors[version] += row["errors"]
            step.seconds[version] += row["seconds"]
    return list(steps.values())


def summed(steps: Sequence[Step], most: int) -> list[Step]:
    """Return at most so many steps, each the sum of those next to each other: a short outage stays in sight."""
    size = max(1, math.ceil(len(steps) / most))
    return [_sum_of(steps[place : place + size]) for place in range(0, len(steps), size)]


def _sum_of(steps: Sequence[Step]) -> Step:
    whole = Step(steps[0].at)
    for step in steps:
        for version in VERSIONS:
            whole.requests[version] += step.requests[version]
            whole.errors[version] += step.errors[version]
            whole.seconds[version] += step.seconds[version]
    return whole


def live_share(release: int, stage: int, weight_bp: int) -> LiveShare:
    """Return the share by identities, whose chance is known; a share of requests depends on who is busy."""
    seen = Observation.objects.filter(release=release, stage=stage, metric="seen")
    identity = Coalesce(NullIf("identity", Value("")), "unit")
    counts = dict(seen.values_list("api_version").annotate(units=Count(identity, distinct=True)))
    units = sum(counts.values())
    return LiveShare(weight_bp, units, counts.get(CANDIDATE, 0), binomial_band(weight_bp, units))


def query_findings(release: int) -> list[dict[str, Any]]:
    """Return statements that v2 repeats in a request, the worst first; `repeats_v1` is v1's most on the same route."""
    of_v1 = dict(
        QueryFinding.objects.filter(release=release, api_version=STABLE)
        .values_list("route")
        .annotate(most=Max("repeats_max"))
    )
    rows = QueryFinding.objects.filter(release=release, api_version=CANDIDATE).order_by("-repeats_max", "route")
    fields = ("route", "fingerprint", "statement", "repeats_max", "requests", "first_seen_at", "last_seen_at")
    return [{**row, "repeats_v1": of_v1.get(row["route"], 0)} for row in rows.values(*fields)]


_SUMS: Final = {
    "total": Sum("requests"),
    "errors": Sum("status_5xx"),
    "refusals": Sum("client_errors"),
    "statements": Sum("sql"),
    "most": Max("sql_max"),
    "took": Sum("seconds"),
}


def _buckets(
    since: datetime.datetime, release: int | None, judged: bool | None, until: datetime.datetime | None = None
) -> QuerySet[MetricBucket]:
    rows = MetricBucket.objects.filter(start_at__gte=since)
    if until is not None:
        rows = rows.filter(start_at__lt=until)
    if release is not None:
        rows = rows.filter(release=release)
    return rows if judged is None else rows.filter(judged=judged)


def _users(since: datetime.datetime, release: int | None) -> dict[int, int]:
    seen = Observation.objects.filter(metric="seen", at__gte=since)
    if release is not None:
        seen = seen.filter(release=release)
    return dict(seen.values_list("api_version").annotate(units=Count("unit", distinct=True)))


def _totals(row: Mapping[str, Any], histogram: Histogram, users: int) -> Totals:
    found = quantiles(histogram, SHARES)
    requests = row.get("total", 0)
    return Totals(
        requests=requests,
        users=users,
        errors=row.get("errors", 0),
        client_errors=row.get("refusals", 0),
        sql_mean=row["statements"] / requests if requests else None,
        sql_max=row.get("most", 0),
        p50=found[0.5],
        p95=found[0.95],
        p99=found[0.99],
    )


def _route(route: str, versions: Mapping[int, Mapping[str, Any]]) -> RouteTotals:
    def of(name: str) -> dict[int, int]:
        return {version: versions[version][name] if version in versions else 0 for version in VERSIONS}

    def mean(name: str, factor: float = 1) -> dict[int, float | None]:
        return {
            version: factor * versions[version][name] / versions[version]["total"] if version in versions else None
            for version in VERSIONS
        }

    return RouteTotals(
        route=route,
        requests=of("total"),
        errors=of("errors"),
        client_errors=of("refusals"),
        mean_ms=mean("took", 1_000),
        sql_mean=mean("statements"),
        sql_max=of("most"),
    )
