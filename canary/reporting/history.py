"""Whether what happened is still what was written down: the chain of events, and the row that it has to lead to."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction

from canary.core import chain
from canary.models import Rollout, RolloutEvent
from canary.services.changing import describe_row, event_columns


def first_broken_version() -> int | None:
    """The version of the first event that was changed or is missing, None when all is whole.

    A row that isn't what the last event says counts as a break of the version that the row claims.
    """
    with transaction.atomic():
        row = Rollout.objects.filter(pk=1).first()
        upto = row.version if row else 0
        last: dict[str, Any] = {}

        def events() -> Iterator[dict[str, Any]]:
            nonlocal last
            for event in RolloutEvent.objects.order_by("version").iterator():
                last = event_columns(event)
                yield last

        broken = chain.verify(events())
    if broken is not None:
        return broken
    last_version = last.get("version", 0)
    if last_version != upto:
        return int(min(last_version, upto)) + 1
    return upto if row and last.get("after") != describe_row(row) else None
