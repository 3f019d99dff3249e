"""Erasing a deleted person from records that grow for ever: a bounded part with the account, the rest in a job.

Nothing shows the names meanwhile: audit events and API keys of such persons are left out of lists.
"""

import datetime
import logging
import uuid
from typing import Final

from django.db import transaction
from django.tasks import task

from cms.choices import JobStatus
from cms.models import Erasure, Job, User
from cms.services.personal_traces import BATCH, START, Place, erase_some

AT_ONCE: Final = 1_000
"""Rows that are erased in the transaction which deletes the account: more than most people have."""
BATCHES_A_JOB: Final = 50
"""A worker that is told to stop ends its job first, within seconds."""
OVERDUE: Final = datetime.timedelta(hours=1)
LOST_AT_ONCE: Final = 100
logger = logging.getLogger(__name__)


def begin_erasure(user: User, now: datetime.datetime) -> None:
    """Erase the records of a user, or a part of them and queue the rest; in the transaction that deletes the account.

    The account's row is locked as long as this takes.
    """
    place = erase_some(user.pk, START, most=AT_ONCE)
    if place is not None:
        Erasure.objects.create(user=user, **place._asdict(), created_at=now)
        erase_the_rest.enqueue(str(user.pk))


@task
def erase_the_rest(user_id: str) -> bool:
    """Whether nothing is left. The next job does the part that one does not reach."""
    for _ in range(BATCHES_A_JOB):
        if not erase_batch(uuid.UUID(user_id)):
            return True
    erase_the_rest.enqueue(user_id)
    return False


def erase_batch(user_id: uuid.UUID) -> bool:
    """Erase one batch in a transaction of its own; whether there is more. A kill loses this batch alone."""
    with transaction.atomic():
        erasure = Erasure.objects.select_for_update().filter(pk=user_id).first()
        if erasure is None:
            return False
        place = erase_some(user_id, Place(erasure.step, erasure.subject, erasure.after), most=BATCH)
        if place is None:
            erasure.delete()
            return False
        Erasure.objects.filter(pk=user_id).update(**place._asdict())
    return True


def resume_erasures(now: datetime.datetime) -> int:
    """Queue those again whose job was lost or has failed too often; how many."""
    lost = [
        user_id
        for user_id in Erasure.objects.filter(created_at__lt=now - OVERDUE).values_list("pk", flat=True)[:LOST_AT_ONCE]
        if not _is_queued(user_id)
    ]
    for user_id in lost:
        logger.warning("erasing the deleted user %s goes on: its job was lost", user_id)
        erase_the_rest.enqueue(str(user_id))
    return len(lost)


def _is_queued(user_id: uuid.UUID) -> bool:
    waiting = Job.objects.filter(status__in=[JobStatus.READY, JobStatus.RUNNING])
    return waiting.filter(task_path=erase_the_rest.module_path, args__0=str(user_id)).exists()
