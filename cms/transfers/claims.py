"""A worker's claim on a transfer: the last worker that takes one on is the only one that writes what becomes of it.

A job can have two workers: one that was stopped until its lease ran out, and the one that has taken the job over.
"""

import contextlib
import datetime
from collections.abc import Iterator

from django.db import transaction
from django.db.models import QuerySet

from cms.errors import NotFound
from cms.models import Transfer
from cms.models.transfers import UNDER_WAY
from cms.services.locks import lock_row


class ClaimLost(Exception):
    """Another worker has taken the transfer on, or it was removed."""


def take_on(transfer_id: str, *, now: datetime.datetime) -> Transfer | None:
    """Return the transfer, claimed by `updated_at`; None when no worker is needed for it."""
    transfer: Transfer | None = Transfer.objects.filter(pk=transfer_id, state__in=UNDER_WAY).first()
    if transfer is None:
        return None
    transfer.updated_at = now
    rows = Transfer.objects.filter(pk=transfer.pk, state=transfer.state)
    return transfer if rows.update(updated_at=now) else None


def claimed(transfer: Transfer) -> QuerySet[Transfer]:
    """Return the row as long as the claim holds."""
    return Transfer.objects.filter(pk=transfer.pk, state=transfer.state, updated_at=transfer.updated_at)


@contextlib.contextmanager
def ending(transfer: Transfer, *, now: datetime.datetime) -> Iterator[Transfer]:
    """Yield the row of a claimed transfer, locked, and save what the block makes of it.

    Raises ClaimLost. Files are stored within the block, because a late worker would put its own in their place.
    """
    with transaction.atomic():
        try:
            held = lock_row(transfer)
        except NotFound as error:
            raise ClaimLost from error
        if (held.state, held.updated_at) != (transfer.state, transfer.updated_at):
            raise ClaimLost
        yield held
        held.percent, held.finished_at, held.updated_at = 100, now, now
        held.save()
