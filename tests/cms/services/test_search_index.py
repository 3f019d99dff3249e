"""Building the search index anew: who may ask, how often it is done, what is told meanwhile."""

import datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from cms.choices import JobStatus
from cms.errors import PermissionRefused
from cms.jobs.execution import run_job
from cms.jobs.queue import claim_job
from cms.models import Job, SearchDocument
from cms.policy import SYSTEM
from cms.services.search_index import IndexState, index_state, probe_index, request_reindex

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", ["subscriber", "author", "editor"])
def test_it_is_for_admins(role: str, make_user: Any) -> None:
    with pytest.raises(PermissionRefused):
        request_reindex(actor=make_user(role))
    assert not Job.objects.exists()


def test_while_one_is_waiting_or_running_another_asks_for_nothing(make_user: Any) -> None:
    admin = make_user("admin")
    first = request_reindex(actor=admin)
    assert (first.is_new, first.state) == (True, IndexState.QUEUED)
    assert request_reindex(actor=SYSTEM).job_id == first.job_id
    claim_job(worker="w", now=timezone.now())
    third = request_reindex(actor=admin)
    assert (third.is_new, third.state, third.job_id) == (False, IndexState.RUNNING, first.job_id)


def test_a_worker_writes_every_document_and_then_it_can_be_asked_again(make_user: Any, make_post: Any) -> None:
    for _ in range(3):
        make_post()
    SearchDocument.objects.all().delete()
    first = request_reindex(actor=SYSTEM)
    job = claim_job(worker="w", now=timezone.now())
    run_job(job, clock=timezone.now)
    assert (SearchDocument.objects.count(), job.return_value, index_state()) == (3, 3, IndexState.READY)
    assert request_reindex(actor=SYSTEM).job_id != first.job_id


def test_one_that_was_given_up_is_told_until_another_is_asked_for(make_user: Any) -> None:
    assert index_state() == IndexState.READY
    request_reindex(actor=SYSTEM)
    Job.objects.update(status=JobStatus.DEAD)
    assert index_state() == IndexState.FAILED
    assert request_reindex(actor=SYSTEM).is_new
    assert index_state() == IndexState.QUEUED


def test_the_index_can_be_asked_whether_it_answers(now: datetime.datetime) -> None:
    def refuse_searches(execute: Any, sql: str, *args: Any) -> Any:
        if "cms_searchdocument" in sql:
            raise DatabaseError("the index is broken")
        return execute(sql, *args)

    probe_index(now)
    with connection.execute_wrapper(refuse_searches), pytest.raises(DatabaseError):
        probe_index(now)
