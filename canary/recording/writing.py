"""Write a batch of observations into the database, whole and once, through every failure of the connection."""

import datetime
from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Final, NamedTuple

from django.db import transaction

from canary.conf import canary_conf
from canary.core.histograms import dump
from canary.models import (
    ConsumerUsage,
    CrossoverCount,
    MetricBucket,
    Observation,
    QueryFinding,
    Recorder,
    SeenIdentity,
    UnitMinute,
)
from canary.recording.batches import Batch, Cell, CellKey
from canary.recording.outcomes import CrossoverKey, Outcome, OutcomeKey
from canary.recording.traffic import Top
from canary.recording.upserts import ADD, MAXIMUM, REPLACE, REPLACE_IF_ANY, upsert

ROWS_AT_ONCE: Final = 500


class Header(NamedTuple):
    """A recorder's report about itself with a batch; `number` grows by one from batch to batch of a worker."""

    worker: str
    number: int
    at: datetime.datetime
    dropped: int
    lost: int
    top: Top


def write(batch: Batch, header: Header) -> None:
    """Write `batch`, unless an earlier try did so and only its confirmation was lost.

    Tables and rows are locked in one order by all workers, so that none waits for another in a circle.
    """
    with transaction.atomic():
        known = Recorder.objects.filter(worker=header.worker).values_list("batch", flat=True).first()
        is_written = known is not None and known >= header.number
        if is_written:
            return
        _write_header(header)
        write_rows(batch, header.worker)


def write_rows(batch: Batch, worker: str) -> None:
    """Write `batch` in the caller's transaction; the caller knows that it hasn't been written."""
    MetricBucket.objects.bulk_create(_buckets(batch, worker), batch_size=ROWS_AT_ONCE)
    build = canary_conf().build()
    Observation.objects.bulk_create(
        (Observation(**row._asdict(), build=build) for row in batch.observations), batch_size=ROWS_AT_ONCE
    )
    _write_findings(batch)
    _write_seen(batch)
    _write_usages(batch)
    _write_outcomes(batch)
    _write_crossed(batch)


def _write_header(header: Header) -> None:
    row = {
        "worker": header.worker,
        "batch": header.number,
        "at": header.at,
        "dropped": header.dropped,
        "lost": header.lost,
        "top_identity": str(header.top.identity or ""),
        "top_requests": header.top.requests,
        "window_requests": header.top.of,
    }
    upsert(Recorder, ["worker"], {name: REPLACE for name in row if name != "worker"}, [row])


def _buckets(batch: Batch, worker: str) -> Iterable[MetricBucket]:
    return [bucket_of(key, cell, worker) for key, cell in batch.cells.items()]


def bucket_of(key: CellKey, cell: Cell, worker: str) -> MetricBucket:
    return MetricBucket(
        start_at=datetime.datetime.fromtimestamp(key.start_s, datetime.UTC),
        worker=worker,
        release=key.release,
        stage=key.stage,
        weight_bp=key.weight_bp,
        api_version=key.api_version,
        route=key.route,
        judged=key.judged,
        requests=cell.requests,
        status_2xx=cell.statuses[0],
        status_3xx=cell.statuses[1],
        status_4xx=cell.statuses[2],
        status_5xx=cell.statuses[3],
        client_errors=cell.client_errors,
        sql=cell.sql,
        sql_max=cell.sql_max,
        seconds=cell.seconds,
        histogram=dump(cell.histogram),
    )


def _write_findings(batch: Batch) -> None:
    changes = {"repeats_max": MAXIMUM, "requests": ADD, "last_seen_at": MAXIMUM}
    rows = [
        {
            **key._asdict(),
            "statement": found.statement,
            "repeats_max": found.repeats_max,
            "requests": found.requests,
            "first_seen_at": found.first_seen_at,
            "last_seen_at": found.last_seen_at,
        }
        for key, found in batch.findings.items()
    ]
    upsert(QueryFinding, ["release", "api_version", "route", "fingerprint"], changes, rows)


def _write_seen(batch: Batch) -> None:
    changes = {"last_seen_at": MAXIMUM, "before_kind": REPLACE_IF_ANY, "before_identifier": REPLACE_IF_ANY}
    rows = [
        {
            "kind": identity.kind,
            "identifier": storable(identity.id),
            "last_seen_at": seen.at,
            "before_kind": seen.before.kind if seen.before else "",
            "before_identifier": storable(seen.before.id) if seen.before else "",
        }
        for identity, seen in batch.seen.items()
    ]
    upsert(SeenIdentity, ["kind", "identifier"], changes, rows)


def _write_usages(batch: Batch) -> None:
    changes = {"calls": ADD, "refused": ADD, "agent": REPLACE_IF_ANY, "last_seen_at": MAXIMUM, "is_vouched": MAXIMUM}
    rows = [
        {
            **key._asdict(),
            "identifier": storable(key.identifier),
            "calls": usage.calls,
            "refused": usage.refused,
            "agent": usage.agent,
            "last_seen_at": usage.last_seen_at,
            "is_vouched": usage.is_vouched,
        }
        for key, usage in batch.usages.items()
    ]
    upsert(ConsumerUsage, ["day", "kind", "identifier", "route"], changes, rows)


def _write_outcomes(batch: Batch) -> None:
    changes = {field.name: MAXIMUM if field.name == "halvings" else ADD for field in fields(Outcome)}
    rows = [{**key._asdict(), **asdict(outcome)} for key, outcome in batch.outcomes.items()]
    upsert(UnitMinute, OutcomeKey._fields, changes, rows)


def _write_crossed(batch: Batch) -> None:
    rows = [{**key._asdict(), **asdict(crossed)} for key, crossed in batch.crossed.items()]
    upsert(CrossoverCount, CrossoverKey._fields, {"requests": ADD, "failures": ADD}, rows)


def storable(identifier: str) -> str:
    """Return text that every database takes: signed cookies of an older release may hold any text."""
    return identifier.encode(errors="replace").decode().replace("\0", "?")[:400]
