"""Reads from the tables what the breakers look at, and makes windows of latency while their histograms are there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import QuerySet, Sum
from django.db.models.functions import Right

from canary.conf import canary_conf
from canary.core import breakers
from canary.core.breakers import Limits, Minute, Repeat, Sightings, is_sampled, trips_of
from canary.core.breakers.crashes import WINDOW_S as CRASHES_S
from canary.core.breakers.failures import FURTHEST_S, LEAST_ANSWERS, QUARTER_S
from canary.core.breakers.latency import LEAST_REQUESTS, LEAST_UNITS, LEFT_OUT, WINDOW_S
from canary.core.histograms import Histogram, add_dumped, spread
from canary.core.judgements import Stage, Trip
from canary.core.values import CANDIDATE, VERSIONS
from canary.models import Crash, MetricBucket, Observation, Rollout, RouteWindow, UnitMinute

WINDOWS_S: Final = 3_600
MINUTES_MAX: Final = 25_000
"""Rows of one version that a look reads at most: a leader whose look takes longer than its lease loses it each time."""
REPEATS_S: Final = 900
REPEATS_MAX: Final = 10_000
SETTLED_S: Final = 5
"""After its end: by then the recorders have written what belongs to a window."""
P95: Final = 0.95
_OF_A_MINUTE: Final = ("start_at", *Minute._fields[1:], "halvings")
_OF_A_WINDOW: Final = ("api_version", "route", "requests", "units", "p95_ms", "low_ms", "high_ms")


def breakers_of(row: Rollout, stage: Stage, now: datetime) -> list[Trip]:
    """Return the breakers that trip now."""
    return trips_of(sightings_of(row, now), stage, limits_of(row), now.timestamp()) if stage.is_exposed else []


def limits_of(row: Rollout) -> Limits:
    """Return what the plan declares, and the settings where it declares nothing."""
    declared = {name: value for name, value in (row.plan or {}).items() if name in Limits.__slots__}
    return replace(canary_conf().limits, **declared)


def sightings_of(row: Rollout, now: datetime) -> Sightings:
    return Sightings(
        minutes=_minutes_of_stage(row, now),
        before=_minutes_before(row, now),
        windows=_windows(row, now),
        repeats=_repeats(row, now),
        crashes=_crashes(row, now),
    )


def _minutes_of_stage(row: Rollout, now: datetime) -> list[Minute]:
    """Return the last quarter of an hour; the whole of a young stage, and half an hour where there are few."""
    rows = UnitMinute.objects.filter(release=row.release, stage=row.stage)
    age_s = (now - row.stage_started_at).total_seconds()
    if age_s > FURTHEST_S:
        found = _minutes(rows.filter(start_at__gte=now - timedelta(seconds=QUARTER_S)))
        if sum(minute.answers for minute in found if minute.api_version == CANDIDATE) >= LEAST_ANSWERS:
            return found
    return _minutes(rows.filter(start_at__gte=now - timedelta(seconds=FURTHEST_S)))


def _minutes_before(row: Rollout, now: datetime) -> list[Minute]:
    """Return the quarter of an hour before the stage."""
    started_at = row.stage_started_at
    rows = UnitMinute.objects.filter(start_at__gte=started_at - timedelta(seconds=QUARTER_S), start_at__lt=started_at)
    rows = rows.filter(release__gte=row.journey_release)
    return _minutes(rows.exclude(release=row.release, stage=row.stage))


def _minutes(rows: QuerySet[UnitMinute]) -> list[Minute]:
    return [minute for version in VERSIONS for minute in _minutes_of_version(rows.filter(api_version=version))]


def _minutes_of_version(rows: QuerySet[UnitMinute]) -> list[Minute]:
    """Return the minutes of units that every process has looked at all the time; of fewer where there are many."""
    halvings = (max(0, rows.count() - 1) // MINUTES_MAX).bit_length()
    found = list(_halved(rows, halvings).values_list(*_OF_A_MINUTE))
    halvings = max([halvings, *(count for *_, count in found)])
    return [
        Minute(int(start_at.timestamp()), version, unit, *counts)
        for start_at, version, unit, *counts, _ in found
        if is_sampled(unit, halvings)
    ]


def _halved(rows: QuerySet[UnitMinute], halvings: int) -> QuerySet[UnitMinute]:
    """Leave out in the database what `is_sampled` leaves out."""
    if not halvings:
        return rows
    return rows.annotate(tail=Right("unit", 8)).filter(tail__lt=f"{1 << (32 - halvings):08x}")


def _windows(row: Rollout, now: datetime) -> list[breakers.RouteWindow]:
    """Return the windows, also of the hour before the step, by which v2 is judged where nobody is on v1 any more."""
    since = timedelta(seconds=WINDOWS_S)
    since_at = min(now, row.stage_started_at) - since
    rows = RouteWindow.objects.filter(start_at__gte=since_at, release__gte=row.journey_release)
    present = (row.release, row.stage)
    return [
        breakers.RouteWindow._make([int(start_at.timestamp()), *values, (release, stage) == present])
        for start_at, release, stage, *values in rows.values_list("start_at", "release", "stage", *_OF_A_WINDOW)
    ]


def _repeats(row: Rollout, now: datetime) -> list[Repeat]:
    since = now - timedelta(seconds=REPEATS_S)
    rows = Observation.objects.filter(metric="pair_refusal", at__gte=since, release=row.release, stage=row.stage)
    columns = ("at", "api_version", "is_authenticated", "unit", "network")
    return [
        Repeat(at.timestamp(), unit if counts_alone else network, api_version == CANDIDATE)
        for at, api_version, counts_alone, unit, network in rows.order_by("-at").values_list(*columns)[:REPEATS_MAX]
    ]


def _crashes(row: Rollout, now: datetime) -> list[breakers.Crash]:
    """Return those of the release, also of earlier stages: chance plays no part in them."""
    since = now - timedelta(seconds=CRASHES_S)
    rows = Crash.objects.filter(release=row.release, api_version=CANDIDATE, at__gte=since)
    columns = ("at", "death", "requests")
    return [breakers.Crash(at.timestamp(), *told) for at, *told in rows.values_list(*columns)]


def due_windows(row: Rollout, now: datetime) -> list[datetime]:
    """Return the windows after the warm-up that have ended lately, whose histograms are still kept by route."""
    ended_s = int(now.timestamp()) - SETTLED_S - WINDOW_S
    last_s = ended_s - ended_s % WINDOW_S
    starts = (datetime.fromtimestamp(start_s, UTC) for start_s in (last_s - WINDOW_S, last_s))
    warm_at = row.stage_started_at + timedelta(seconds=canary_conf().warm_up_s)
    return [start for start in starts if start >= warm_at]


def window_rows(row: Rollout, start: datetime) -> list[RouteWindow]:
    """Return a window of the stage as it is to be written: of each route with enough requests and users."""
    buckets = MetricBucket.objects.filter(
        start_at__gte=start,
        start_at__lt=start + timedelta(seconds=WINDOW_S),
        release=row.release,
        stage=row.stage,
        judged=True,
    )
    sums = buckets.values("api_version", "route").annotate(total=Sum("requests")).filter(total__gte=LEAST_REQUESTS)
    made = []
    for key in sums.values_list("api_version", "route").order_by("api_version", "route"):
        histogram: Histogram = {}
        for dumped in buckets.filter(api_version=key[0], route=key[1]).values_list("histogram", flat=True):
            add_dumped(histogram, dumped)
        found = spread(histogram, P95, LEFT_OUT)
        if found is not None and found.requests >= LEAST_REQUESTS and found.slices >= LEAST_UNITS:
            values: dict[str, Any] = {"requests": found.requests, "units": found.slices, "p95_ms": found.value_ms}
            values |= {"low_ms": found.low_ms, "high_ms": found.high_ms, "api_version": key[0], "route": key[1]}
            made.append(RouteWindow(start_at=start, release=row.release, stage=row.stage, **values))
    return made
