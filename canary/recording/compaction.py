"""Merge many rows into few: the buckets of all workers become one for each minute and route, later one for each hour.

Their histograms leave the routes and are kept for all routes together: quantiles are asked for by version, and the
histograms of every route and minute would be most of the data to read.
"""

import datetime
from datetime import timedelta
from itertools import batched
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import Q

from canary.core.histograms import add_dumped
from canary.models import MetricBucket
from canary.recording.batches import Cell, CellKey
from canary.recording.leases import take_lease
from canary.recording.writing import ROWS_AT_ONCE, bucket_of

MINUTE, HOUR = "1m", "1h"
ALL_ROUTES: Final = ""
"""The route of the rows that hold histograms and nothing else."""
SPANS_A_TURN: Final = 30
LEASE_S: Final = 300
DELETED_AT_ONCE: Final = 5_000


class Tier(NamedTuple):
    label: str
    length: datetime.timedelta
    after: datetime.timedelta
    """The age at which rows are merged; rows that come later are added all the same."""
    rows: Q
    """The rows that are merged."""
    due: Q
    """The rows among them that make a merge necessary."""


_HISTOGRAMS: Final = Q(worker__in=(MINUTE, HOUR), route=ALL_ROUTES)
_SUMS: Final = Q(worker__in=(MINUTE, HOUR)) & ~Q(route=ALL_ROUTES)
# The controller sums up each route's last five minutes for the breakers, and may be a few late.
TIERS: Final = (
    Tier(MINUTE, timedelta(minutes=1), timedelta(minutes=10), ~Q(worker=HOUR), ~Q(worker__in=(MINUTE, HOUR))),
    Tier(HOUR, timedelta(hours=1), timedelta(hours=2), _HISTOGRAMS, _HISTOGRAMS & Q(worker=MINUTE)),
    Tier(HOUR, timedelta(hours=1), timedelta(hours=24), _SUMS, _SUMS & Q(worker=MINUTE)),
)


class OvertakenError(Exception):
    """Another process compacted the same rows meanwhile: its work stands."""


def compact(*, holder: str, now: datetime.datetime) -> int:
    """Compact due rows, at most SPANS_A_TURN minutes and hours; return how many went, 0 if another process does it."""
    if not take_lease("compaction", holder=holder, now=now, seconds=LEASE_S):
        return 0
    return sum(_compact_span(start, tier) for tier in TIERS for start in _spans(tier, now))


def _spans(tier: Tier, now: datetime.datetime) -> list[datetime.datetime]:
    """Return the beginnings of the oldest spans that are due."""
    rows = MetricBucket.objects.filter(tier.due, start_at__lt=_floor(now - tier.after, tier.length))
    found: dict[datetime.datetime, None] = {}
    for start_at in rows.order_by("start_at").values_list("start_at", flat=True).distinct().iterator(chunk_size=1_000):
        found[_floor(start_at, tier.length)] = None
        if len(found) > SPANS_A_TURN:
            break
    return list(found)[:SPANS_A_TURN]


def _floor(time: datetime.datetime, length: datetime.timedelta) -> datetime.datetime:
    seconds = int(time.timestamp())
    return datetime.datetime.fromtimestamp(seconds - seconds % int(length.total_seconds()), datetime.UTC)


def _compact_span(start: datetime.datetime, tier: Tier) -> int:
    with transaction.atomic():
        rows = list(MetricBucket.objects.filter(tier.rows, start_at__gte=start, start_at__lt=start + tier.length))
        merged = _merged(rows, int(start.timestamp()))
        deleted = 0
        for some in batched([row.pk for row in rows], DELETED_AT_ONCE):
            deleted += MetricBucket.objects.filter(pk__in=some).delete()[0]
        if deleted != len(rows):
            raise OvertakenError
        MetricBucket.objects.bulk_create(
            [bucket_of(key, cell, tier.label) for key, cell in merged.items()], batch_size=ROWS_AT_ONCE
        )
    return len(rows) - len(merged)


def _merged(rows: list[MetricBucket], start_s: int) -> dict[CellKey, Cell]:
    merged: dict[CellKey, Cell] = {}
    for row in rows:
        key = CellKey(start_s, row.release, row.stage, row.weight_bp, row.api_version, row.route, row.judged)
        if row.histogram:
            of_all = merged.setdefault(key._replace(route=ALL_ROUTES), Cell())
            add_dumped(of_all.histogram, row.histogram)
        if row.requests:
            _add_sums(merged.setdefault(key, Cell()), row)
    return merged


def _add_sums(cell: Cell, row: MetricBucket) -> None:
    cell.requests += row.requests
    counts = (row.status_2xx, row.status_3xx, row.status_4xx, row.status_5xx)
    cell.statuses = [a + b for a, b in zip(cell.statuses, counts, strict=True)]
    cell.client_errors += row.client_errors
    cell.sql += row.sql
    cell.sql_max = max(cell.sql_max, row.sql_max)
    cell.seconds += row.seconds
