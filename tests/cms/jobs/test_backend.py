"""The `django.tasks` backend: what is enqueued, when, and what its result says."""

import datetime

import pytest
from django.db import transaction
from django.tasks import TaskResultStatus
from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist, TaskResultMismatch
from django.utils import timezone

from cms.jobs.execution import run_job
from cms.jobs.queue import claim_job
from cms.models import Job
from tests.cms.jobs import sample_tasks

pytestmark = pytest.mark.django_db


def run_next(**more: object) -> Job | None:
    job = claim_job(worker="w1", now=timezone.now() + datetime.timedelta(seconds=1), **more)
    if job is not None:
        run_job(job, clock=timezone.now)
    return job


def test_a_task_runs_in_the_worker_and_its_result_can_be_read() -> None:
    result = sample_tasks.add.enqueue(2, b=3)
    assert (result.status, result.is_finished) == (TaskResultStatus.READY, False)
    run_next()
    result.refresh()
    assert (result.status, result.return_value, result.worker_ids) == (TaskResultStatus.SUCCESSFUL, 5, ["w1"])
    assert sample_tasks.add.get_result(result.id).return_value == 5


def test_coroutines_run_too() -> None:
    result = sample_tasks.add_later.enqueue(2, 3)
    run_next()
    result.refresh()
    assert str(result.return_value) == "5"


def test_a_task_that_takes_the_context_learns_which_attempt_it_is() -> None:
    result = sample_tasks.tell_attempt.enqueue()
    claim_job(worker="gone", now=timezone.now())
    later = timezone.now() + datetime.timedelta(hours=1)
    run_job(claim_job(worker="w2", now=later), clock=timezone.now)
    result.refresh()
    assert (result.return_value, result.worker_ids) == (2, ["gone", "w2"])


def test_what_is_rolled_back_enqueues_nothing() -> None:
    with transaction.atomic():
        sample_tasks.add.enqueue(1, 1)
        transaction.set_rollback(True)
    assert not Job.objects.exists()


def test_a_deferred_task_waits_for_its_instant() -> None:
    at = timezone.now() + datetime.timedelta(hours=1)
    sample_tasks.add.using(run_after=at).enqueue(1, 1)
    assert claim_job(worker="w", now=at - datetime.timedelta(seconds=1)) is None
    assert claim_job(worker="w", now=at) is not None


def test_urgent_tasks_come_first_and_equal_ones_in_the_order_of_their_enqueueing() -> None:
    for number, priority in enumerate([0, 5, 0, -5, 5]):
        sample_tasks.add.using(priority=priority).enqueue(number, 0)
    order = [run_next().args[0] for _ in range(5)]
    assert order == [1, 4, 0, 2, 3]


def test_a_worker_takes_jobs_of_its_queues_only() -> None:
    sample_tasks.add.using(queue_name="media").enqueue(1, 1)
    assert run_next(queues=["default", "mail"]) is None
    assert run_next(queues=["media"]) is not None


def test_a_queue_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidTask):
        sample_tasks.add.using(queue_name="nowhere")


@pytest.mark.parametrize("result_id", ["no id", "0198b2a0-0000-7000-8000-000000000000"])
def test_the_result_of_an_unknown_job_does_not_exist(result_id: str) -> None:
    with pytest.raises(TaskResultDoesNotExist):
        sample_tasks.add.get_result(result_id)


def test_the_result_of_another_task_is_a_mismatch() -> None:
    result = sample_tasks.add.enqueue(1, 1)
    with pytest.raises(TaskResultMismatch):
        sample_tasks.fail.get_result(result.id)
