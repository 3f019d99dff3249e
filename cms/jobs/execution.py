"""Running one claimed job: its lease is extended while it runs, and any error that it raises is written to its row."""

import contextlib
import datetime
import logging
import threading
from collections.abc import Callable, Iterator
from traceback import format_exception
from typing import Any

from django.conf import settings
from django.db import Error, connections
from django.tasks.base import TaskContext
from django.tasks.signals import task_finished, task_started
from django.utils.json import normalize_json

from cms.jobs.backend import DatabaseBackend, result_of, task_of
from cms.jobs.queue import extend_lease, fail_job, finish_job
from cms.models import Job

type Clock = Callable[[], datetime.datetime]

logger = logging.getLogger(__name__)


def run_job(job: Job, *, clock: Clock) -> None:
    """Run it to its end. An error of the task is the job's; one of the database that keeps the jobs is raised."""
    began = clock()
    try:
        with _heartbeat(job, clock):
            value = _call(job)
        is_ours = finish_job(job, return_value=value, now=clock())
    # Also a value that the database can't hold, and SystemExit: it would end the worker's thread without a word.
    except (Exception, SystemExit) as error:
        is_ours = _fail(job, error, clock())
    seconds = (clock() - began).total_seconds()
    outcome = job.status if is_ours else "lost to another worker"
    logger.info("job %s %s, attempt %d: %s after %.2f s", job.pk, job.task_path, job.attempts, outcome, seconds)
    if not is_ours or job.finished_at is None:
        return
    with contextlib.suppress(ImportError, TypeError):  # what has no code any more has nobody to be told of
        task_finished.send(DatabaseBackend, task_result=result_of(job, task_of(job)))


def _call(job: Job) -> object:
    task = task_of(job)
    result = result_of(job, task)
    task_started.send(DatabaseBackend, task_result=result)
    first: list[Any] = [TaskContext(task_result=result)] if task.takes_context else []
    return normalize_json(task.call(*first, *job.args, **job.kwargs))


def _fail(job: Job, error: BaseException, now: datetime.datetime) -> bool:
    traceback = "".join(format_exception(error))
    # An error's text may hold characters that no log's encoding can.
    shown = traceback.encode(errors="backslashreplace").decode()
    logger.warning("job %s %s, attempt %d failed\n%s", job.pk, job.task_path, job.attempts, shown)
    return fail_job(job, error=error, traceback=traceback, now=now)


@contextlib.contextmanager
def _heartbeat(job: Job, clock: Clock) -> Iterator[None]:
    """Extend the lease every third of its length, in a thread of its own, until the block ends or the lease is lost."""
    ended = threading.Event()
    thread = threading.Thread(target=_beat, args=(job, clock, ended), name=f"lease-of-{job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _beat(job: Job, clock: Clock, ended: threading.Event) -> None:
    try:
        while not ended.wait(settings.JOB_LEASE_S / 3):
            try:
                if not extend_lease(job, now=clock()):
                    logger.warning("job %s was lost to another worker", job.pk)
                    return
            except Error:  # The database may come back before the lease runs out: the next beat tries again.
                logger.warning("the lease of job %s could not be extended", job.pk, exc_info=True)
                connections.close_all()
    finally:
        connections.close_all()
