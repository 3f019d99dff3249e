"""Rebuilding the search index on demand. It may take minutes, so a worker does it while the caller gets its answer."""

import datetime
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.tasks import task

from cms import policy
from cms.choices import JobStatus
from cms.errors import PermissionRefused
from cms.models import Job, Post, Transfer
from cms.policy import Actor
from cms.search import filter_posts, reindex
from cms.services.audit import record_event

NO_WORD_OF_ANY_TEXT: Final = "qxjhealthprobe"


class IndexState(StrEnum):
    READY = "ready"
    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"
    """The last attempt was given up: the old index still answers, and the log of the worker says why."""


_STATES: Final = {
    JobStatus.READY: IndexState.QUEUED,
    JobStatus.RUNNING: IndexState.RUNNING,
    JobStatus.SUCCESSFUL: IndexState.READY,
    JobStatus.DEAD: IndexState.FAILED,
}


@dataclass(frozen=True)
class ReindexRequest:
    job_id: UUID
    state: IndexState
    is_new: bool
    """Whether this request has started it; otherwise it was under way already."""


@task(queue_name=Transfer.queue_name)
def rebuild_index() -> int:
    """Rebuild the index; return how many documents were written.

    Searches are answered all the while, and changes made meanwhile are indexed.
    """
    return reindex()


def request_reindex(*, actor: Actor) -> ReindexRequest:
    """Queue a rebuild for an admin. A second request while one waits or runs adds nothing: it would find the same."""
    if not policy.may_administer(actor):
        raise PermissionRefused("Only admins can rebuild the search index.")
    pending = _jobs().filter(status__in=[JobStatus.READY, JobStatus.RUNNING]).first()
    if pending is not None:
        return ReindexRequest(pending.pk, _STATES[JobStatus(pending.status)], is_new=False)
    with transaction.atomic():
        job = Job.objects.get(pk=rebuild_index.enqueue().id)
        record_event(actor, "search.reindex_requested", job, before={}, after={})
    return ReindexRequest(job.pk, IndexState.QUEUED, is_new=True)


def index_state() -> IndexState:
    """Return the state of the newest request to rebuild it."""
    newest = _jobs().first()
    return _STATES[JobStatus(newest.status)] if newest else IndexState.READY


def probe_index(now: datetime.datetime) -> None:
    """Ask the index for a word that no text has. Raises the database's error when it can't be asked."""
    filter_posts(Post.objects.public(now), NO_WORD_OF_ANY_TEXT).exists()


def _jobs() -> QuerySet[Job]:
    return Job.objects.filter(task_path=rebuild_index.module_path).order_by("-pk")
