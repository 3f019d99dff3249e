"""The states of a job: claimed by a lease, then finished, put back, or dead. Nothing here runs one."""

import contextlib
import datetime
import logging
from collections.abc import Collection
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from cms.choices import JobStatus
from cms.jobs.backoff import delay_after
from cms.models import Job

FIRST_DELAY_S, DELAY_FACTOR, LONGEST_DELAY_S = 5, 4, 3600
TRACEBACK_MAX: Final = 10_000
CANDIDATES: Final = 5
logger = logging.getLogger(__name__)


class LeaseLost(Exception):
    """The worker that had the job is gone: its lease ran out before it said how the job went."""


def lease_until(now: datetime.datetime) -> datetime.datetime:
    return now + datetime.timedelta(seconds=settings.JOB_LEASE_S)


def claim_job(*, worker: str, now: datetime.datetime, queues: Collection[str] = ()) -> Job | None:
    """Claim the next job of these queues (of all when empty), leased to `worker`; return None when none is due.

    First what a dead worker has left, then by priority, then by age.
    """
    _bury_hopeless(now)
    can_skip = connection.features.has_select_for_update_skip_locked
    for rows in (_abandoned(now), _ready(now)):
        found = rows.filter(queue_name__in=queues) if queues else rows
        if can_skip:
            found = found.select_for_update(skip_locked=True)
        # SQLite reads outside a transaction, which would take the one write lock, and swaps after the comparison.
        with transaction.atomic() if can_skip else contextlib.nullcontext():
            for job in found[: 1 if can_skip else CANDIDATES]:
                if _take(job, worker, now):
                    return job
    return None


def extend_lease(job: Job, *, now: datetime.datetime) -> bool:
    """Whether the job is still ours."""
    return bool(_ours(job).update(leased_until=lease_until(now), updated_at=now))


def finish_job(job: Job, *, return_value: Any, now: datetime.datetime) -> bool:
    """Whether it was ours to finish: the outcome of a job that was lost to another worker counts for nothing."""
    values = {"status": JobStatus.SUCCESSFUL, "return_value": return_value, "finished_at": now, "leased_until": None}
    return _settle(job, values, now)


def fail_job(job: Job, *, error: BaseException, traceback: str, now: datetime.datetime) -> bool:
    """Put a job off for a while, or bury it after too many attempts. Return whether it was ours."""
    return _settle(job, _failed(job, error, traceback, now), now)


def _failed(job: Job, error: BaseException, traceback: str, now: datetime.datetime) -> dict[str, Any]:
    entry = {
        "exception_class_path": f"{type(error).__module__}.{type(error).__qualname__}",
        "traceback": _storable(traceback)[-TRACEBACK_MAX:],
        "worker": job.worker,
        "started_at": (job.started_at or now).isoformat(),
    }
    values: dict[str, Any] = {"errors": [*job.errors, entry], "leased_until": None}
    if job.attempts >= job.max_attempts:
        return values | {"status": JobStatus.DEAD, "finished_at": now}
    delay = delay_after(job.attempts, first_s=FIRST_DELAY_S, factor=DELAY_FACTOR, longest_s=LONGEST_DELAY_S)
    return values | {"status": JobStatus.READY, "run_after": now + delay}


def _lost(job: Job, now: datetime.datetime) -> dict[str, Any]:
    error = LeaseLost(f"{job.worker} did not finish the job before its lease ran out.")
    return _failed(job, error, str(error), now)


def _ready(now: datetime.datetime) -> QuerySet[Job]:
    is_due = Q(run_after=None) | Q(run_after__lte=now)
    return Job.objects.filter(is_due, status=JobStatus.READY).order_by("-priority", "pk")


def _abandoned(now: datetime.datetime) -> QuerySet[Job]:
    return Job.objects.filter(status=JobStatus.RUNNING, leased_until__lte=now).order_by("pk")


def _bury_hopeless(now: datetime.datetime) -> None:
    """Give up abandoned jobs that have no attempts left.

    A job that ends its worker, by taking all memory for instance, must not end one worker after the other for ever.
    """
    for job in _abandoned(now):
        # As it was read: its worker may be alive after all and have extended the lease just now.
        if job.attempts >= job.max_attempts and _swap(_as_read(job), job, {**_lost(job, now), "updated_at": now}):
            logger.warning("job %s %s, attempt %d: dead, its worker was lost", job.pk, job.task_path, job.attempts)


def _take(job: Job, worker: str, now: datetime.datetime) -> bool:
    """Compare and swap; return whether the job is ours. It is as `job` was read, or another worker has it."""
    values: dict[str, Any] = {"status": JobStatus.RUNNING, "worker": worker, "attempts": job.attempts + 1}
    values |= {"leased_until": lease_until(now), "started_at": now, "updated_at": now}
    if job.status == JobStatus.RUNNING:
        values["errors"] = _lost(job, now)["errors"]
    return _swap(_as_read(job), job, values)


def _settle(job: Job, values: dict[str, Any], now: datetime.datetime) -> bool:
    return _swap(_ours(job), job, {**values, "updated_at": now})


def _swap(rows: QuerySet[Job], job: Job, values: dict[str, Any]) -> bool:
    if not rows.update(**values):
        return False
    for name, value in values.items():
        setattr(job, name, value)
    return True


def _as_read(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.pk, status=job.status, attempts=job.attempts, leased_until=job.leased_until)


def _ours(job: Job) -> QuerySet[Job]:
    """Return the row while this attempt is the last one; its lease may have been extended."""
    return Job.objects.filter(pk=job.pk, status=JobStatus.RUNNING, attempts=job.attempts, worker=job.worker)


def _storable(text: str) -> str:
    """Return the text as a JSON column holds it: without NUL and lone surrogates."""
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
