"""Erasing a deleted person from records that grow for ever: a bounded part with the account, the rest in a job.

Nothing shows the names meanwhile: audit events and API keys of such persons are left out of lists. A second job goes
through the records again once no request of before the deletion can be under way.
"""

import datetime
import logging
import uuid
from typing import Final

from django.db import transaction
from django.tasks import task

from cms.choices import JobStatus
from cms.models import Erasure, Job, User
from cms.services.locks import lock_the_invitations
from cms.services.personal_traces import BATCH, SECOND_TIME, START, Place, erase_some

AT_ONCE: Final = 1_000
"""Rows that are erased in the transaction which deletes the account: more than most people have."""
BATCHES_A_JOB: Final = 50
"""A worker that is told to stop ends its job first, within seconds."""
UNDER_WAY: Final = datetime.timedelta(minutes=1)
"""After so long the changes that had begun before have been committed, or never will be."""
OVERDUE: Final = datetime.timedelta(hours=1)
LOST_AT_ONCE: Final = 100
logger = logging.getLogger(__name__)


def begin_erasure(user: User, now: datetime.datetime) -> None:
    """Erase the records of a user, or a part of them and queue the rest; in the transaction that deletes the account.

    The account's row is locked as long as this takes. Changes that others commit after it are erased UNDER_WAY later.
    """
    place = erase_some(user.pk, START, most=AT_ONCE)
    assert place is not None  # the end of the second time alone is None
    Erasure.objects.create(user=user, **place._asdict(), created_at=now)
    if place != SECOND_TIME:
        erase_the_rest.enqueue(str(user.pk))
    erase_the_rest.using(run_after=now + UNDER_WAY).enqueue(str(user.pk), is_again=True)


@task
def erase_the_rest(user_id: str, is_again: bool = False) -> bool:
    """Whether nothing is left, by `is_again` after the second time. The next job does what one does not reach."""
    for _ in range(BATCHES_A_JOB):
        if not erase_batch(uuid.UUID(user_id), is_again=is_again):
            return True
    erase_the_rest.enqueue(user_id, is_again=is_again)
    return False


def erase_batch(user_id: uuid.UUID, *, is_again: bool) -> bool:
    """Erase one batch in a transaction of its own; whether there is more. A kill loses this batch alone.

    Only `is_again` begins, or ends, the second time.
    """
    with transaction.atomic():
        lock_the_invitations()
        erasure = Erasure.objects.select_for_update().filter(pk=user_id).first()
        if erasure is None:
            return False
        reached = Place(erasure.step, erasure.subject, erasure.after)
        if reached == SECOND_TIME and not is_again:
            return False
        place = erase_some(user_id, reached, most=BATCH)
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
        erase_the_rest.enqueue(str(user_id), is_again=True)
    return len(lost)


def _is_queued(user_id: uuid.UUID) -> bool:
    waiting = Job.objects.filter(status__in=[JobStatus.READY, JobStatus.RUNNING])
    return waiting.filter(task_path=erase_the_rest.module_path, args__0=str(user_id)).exists()
