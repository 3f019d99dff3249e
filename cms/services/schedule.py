"""Posts whose `published_at` or `expires_at` has passed: settling their counts and recording their events.

Visibility needs none of this: the queries decide it by time. Any number of workers may do it at once.
"""

import datetime
import logging
import uuid

from django.db import DatabaseError, OperationalError, transaction

from cms.models import Post
from cms.policy import SYSTEM
from cms.services.audit import record_event
from cms.services.counts import settle_counts, term_ids_of

BATCH = 500
logger = logging.getLogger(__name__)


def settle_due_posts(*, now: datetime.datetime) -> int:
    """Settle at most 500 posts whose instant has come, the longest waiting first; how many were settled.

    A post that can't be settled is logged and does not hold up the others.
    """
    due = Post.objects.filter(settles_at__lte=now).order_by("settles_at").values_list("pk", flat=True)
    return sum(_settle_safely(pk, now) for pk in list(due[:BATCH]))


def _settle_safely(pk: uuid.UUID, now: datetime.datetime) -> bool:
    try:
        return _settle(pk, now)
    except OperationalError:  # The database is gone or locked: every other post would fail as well.
        raise
    except DatabaseError:
        logger.exception("post %s could not be settled", pk)
        return False


def _settle(pk: uuid.UUID, now: datetime.datetime) -> bool:
    """Whether it was done here: another worker may have done it first."""
    with transaction.atomic():
        post = Post.objects.select_for_update(no_key=True).filter(pk=pk, settles_at__lte=now).first()
        if post is None:
            return False
        terms = term_ids_of(post)
        settle_counts(post, terms, terms, now)
        # Both instants may have passed while no worker ran: each has its event, in their order.
        while post.settles_at is not None and post.settles_at <= now:
            _tell(post)
        Post.objects.filter(pk=pk).update(settles_at=post.settles_at)
    return True


def _tell(post: Post) -> None:
    at = post.settles_at
    if at == post.published_at:
        record_event(SYSTEM, "post.published", post, before={}, after={"published_at": _iso(at)})
        post.settles_at = post.expires_at
    else:
        record_event(SYSTEM, "post.expired", post, before={}, after={"expires_at": _iso(post.expires_at)})
        post.settles_at = None


def _iso(instant: datetime.datetime | None) -> str | None:
    return instant.isoformat() if instant else None
