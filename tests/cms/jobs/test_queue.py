"""Leases, retries and dead letters."""

import datetime
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.tasks import TaskResultStatus
from django.utils import timezone

from cms.choices import JobStatus
from cms.jobs.backoff import delay_after
from cms.jobs.execution import Clock, run_job
from cms.jobs.queue import claim_job, extend_lease, fail_job, finish_job
from cms.models import Job
from tests.cms.jobs import sample_tasks
from tests.stalls import fair_time

ONE_CONNECTION = "the test database of SQLite lives in one connection; tests/faults has processes"


def run_and_close(job: Job, clock: Clock = timezone.now) -> None:
    run_job(job, clock=clock)
    connection.close()


def minutes(number: float) -> datetime.timedelta:
    return datetime.timedelta(minutes=number)


@pytest.fixture
def at(db: None) -> Callable[[float], datetime.datetime]:
    """`at(5)`: five minutes after `at(0)`, which is after everything that the test enqueues, on a busy machine too."""
    start = timezone.now() + datetime.timedelta(hours=1)
    return lambda number: start + minutes(number)


def test_a_job_with_a_lease_is_nobody_elses(at: Any) -> None:
    sample_tasks.add.enqueue(1, 1)
    assert claim_job(worker="a", now=at(0)) is not None
    assert claim_job(worker="b", now=at(0.9)) is None


def test_a_job_whose_lease_ran_out_is_taken_again_and_the_first_worker_can_no_longer_finish_it(at: Any) -> None:
    sample_tasks.add.enqueue(1, 1)
    first = claim_job(worker="a", now=at(0))
    second = claim_job(worker="b", now=at(2))
    assert second.pk == first.pk
    assert not finish_job(first, return_value=1, now=at(2))
    assert not extend_lease(first, now=at(2))
    assert finish_job(second, return_value=2, now=at(2))
    row = Job.objects.get()
    assert (row.status, row.return_value, row.attempts, row.errors[0]["worker"]) == ("successful", 2, 2, "a")


def test_a_heartbeat_keeps_the_lease(at: Any) -> None:
    sample_tasks.add.enqueue(1, 1)
    job = claim_job(worker="a", now=at(0))
    assert extend_lease(job, now=at(0.9))
    assert claim_job(worker="b", now=at(1.5)) is None
    assert finish_job(job, return_value=2, now=at(1.6))


def test_a_failing_job_is_tried_later_and_later_and_kept_as_dead_with_every_error(at: Any) -> None:
    result = sample_tasks.fail.enqueue("no luck")
    Job.objects.update(max_attempts=3)
    for hours, shortest_s in ((0, 2.5), (1, 10)):
        now = at(60 * hours)
        job = claim_job(worker="a", now=now)
        run_job(job, clock=partial(at, 60 * hours))
        assert shortest_s <= (job.run_after - now).total_seconds() <= 2 * shortest_s
        assert claim_job(worker="a", now=now) is None
    run_job(claim_job(worker="a", now=at(120)), clock=partial(at, 120))
    result.refresh()
    assert (result.status, result.attempts) == (TaskResultStatus.FAILED, 3)
    assert {error.exception_class for error in result.errors} == {ValueError}
    assert "no luck" in result.errors[0].traceback


@pytest.mark.parametrize("name", ["leave", "missing"])
def test_a_job_that_leaves_the_process_or_whose_code_is_missing_fails_like_any_other(at: Any, name: str) -> None:
    sample_tasks.leave.enqueue()
    Job.objects.update(task_path=f"tests.cms.jobs.sample_tasks.{name}")
    run_job(claim_job(worker="a", now=at(0)), clock=timezone.now)
    job = Job.objects.get()
    assert (job.status, len(job.errors)) == (JobStatus.READY, 1)


@pytest.mark.django_db(transaction=True)
def test_a_result_that_the_database_can_not_hold_is_a_failure() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite stores NUL in JSON")
    sample_tasks.give_nul.enqueue()
    run_job(claim_job(worker="a", now=timezone.now() + minutes(1)), clock=timezone.now)
    assert Job.objects.get().errors[0]["exception_class_path"] == "django.db.utils.DataError"


def test_a_job_that_ends_every_worker_is_dead_after_its_last_attempt(at: Any) -> None:
    sample_tasks.add.enqueue(1, 1)
    Job.objects.update(max_attempts=2)
    assert claim_job(worker="a", now=at(0))
    assert claim_job(worker="b", now=at(2))
    assert claim_job(worker="c", now=at(4)) is None
    job = Job.objects.get()
    assert (job.status, [error["worker"] for error in job.errors]) == (JobStatus.DEAD, ["a", "b"])


def test_the_delay_grows_to_a_limit_and_never_beyond() -> None:
    delays = [delay_after(n, first_s=5, factor=4, longest_s=3600).total_seconds() for n in (1, 2, 3, 10, 500)]
    for delay, whole in zip(delays, (5, 20, 80, 3600, 3600), strict=True):
        assert whole / 2 <= delay <= whole


@pytest.mark.django_db(transaction=True)
def test_a_long_job_keeps_its_lease_while_it_runs(tmp_path: Path, settings: Any) -> None:
    if connection.vendor == "sqlite":
        pytest.skip(ONE_CONNECTION)
    settings.JOB_LEASE_S = 2
    sample_tasks.write_and_wait.enqueue(str(tmp_path))
    job = claim_job(worker="a", now=timezone.now() + datetime.timedelta(seconds=0.1))
    first_lease: Any = job.leased_until
    thread = threading.Thread(target=run_and_close, args=(job,))
    thread.start()
    deadline = time.monotonic() + 60
    while Job.objects.filter(leased_until__lte=first_lease + datetime.timedelta(seconds=1)).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert claim_job(worker="b", now=first_lease + datetime.timedelta(seconds=1)) is None
    (tmp_path / "go").touch()
    thread.join()
    assert (Job.objects.get().status, len(list(tmp_path.glob("started-*")))) == ("successful", 1)


@pytest.mark.django_db(transaction=True)
def test_a_running_job_extends_its_lease_before_half_of_it_is_over(tmp_path: Path, settings: Any) -> None:
    if connection.vendor == "sqlite":
        pytest.skip(ONE_CONNECTION)
    settings.JOB_LEASE_S = 3
    read_at: list[float] = []  # at the start, then by each heartbeat

    def clock() -> datetime.datetime:
        read_at.append(fair_time())
        return timezone.now()

    sample_tasks.write_and_wait.enqueue(str(tmp_path))
    thread = threading.Thread(target=run_and_close, args=(claim_job(worker="a", now=timezone.now()), clock))
    thread.start()
    deadline = time.monotonic() + 60
    while len(read_at) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    (tmp_path / "go").touch()
    thread.join()
    assert [later - earlier < 1.5 for earlier, later in pairwise(read_at[:3])] == [True, True]


@pytest.mark.django_db(transaction=True)
def test_no_two_of_many_workers_ever_get_the_same_job() -> None:
    if connection.vendor == "sqlite":
        pytest.skip(ONE_CONNECTION)
    for number in range(120):
        sample_tasks.add.enqueue(number, 0)
    start, now = threading.Barrier(6), timezone.now() + minutes(1)

    def drain(name: str) -> list[Any]:
        taken = []
        try:
            start.wait(60)
            while job := claim_job(worker=name, now=now):
                taken.append(job.pk)
                assert finish_job(job, return_value=None, now=now)
            return taken
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        counts = Counter(pk for taken in pool.map(drain, "abcdef") for pk in taken)
    assert (len(counts), set(counts.values())) == (120, {1})


def test_a_failure_of_a_lost_job_counts_for_nothing(at: Any) -> None:
    sample_tasks.add.enqueue(1, 1)
    first = claim_job(worker="a", now=at(0))
    claim_job(worker="b", now=at(2))
    assert not fail_job(first, error=ValueError("late"), traceback="late", now=at(2))
    assert Job.objects.get().status == JobStatus.RUNNING
