"""Whether background work waits for a worker: mails, webhooks and other jobs that should have been done by now."""

import datetime
from typing import Final

from django.db.models import Min, Q
from django.db.models.functions import Coalesce

from cms.choices import DeliveryStatus, JobStatus
from cms.models import Delivery, Job

PATIENCE: Final = datetime.timedelta(seconds=60)
"""A worker looks for work every second."""


def waiting_since(now: datetime.datetime) -> datetime.datetime | None:
    """Return since when the oldest piece could have been done, by one query; None while nothing waits too long.

    Webhooks that are switched off wait on purpose.
    """
    late = now - PATIENCE
    jobs = Job.objects.filter(status=JobStatus.READY).annotate(due_at=Coalesce("run_after", "created_at"))
    is_free = Q(leased_until=None) | Q(leased_until__lte=late)
    due = Delivery.objects.filter(is_free, status=DeliveryStatus.PENDING, next_attempt_at__lte=late)
    first = due.filter(webhook__is_active=True).values("status").annotate(since=Min("next_attempt_at"))
    oldest = jobs.filter(due_at__lte=late).values("status").annotate(since=Min("due_at"))
    return min(oldest.values_list("since", flat=True).union(first.values_list("since", flat=True)), default=None)
