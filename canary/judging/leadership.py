"""One leader of all controllers: a lease by the database's clock, and a fence that only its holder's writes pass.

Not `recording.leases`, whose work may be done twice without harm: what a controller writes depends on what it wrote before.
"""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import DateTimeField, ExpressionWrapper, Q
from django.db.models.functions import Now

from canary.models import Lease
from canary.state.guard import CONTROLLER

LEASE_S: Final = 5.0
IDLE_MS: Final = 5_000
LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


class NotLeadingError(Exception):
    """Another controller leads; nothing was written."""


class Leadership:
    """Of one process. Clocks of machines play no part: what expires does so by the database's clock."""

    def __init__(self, name: str = CONTROLLER, seconds: float = LEASE_S) -> None:
        self.holder = f"{socket.gethostname()[:80]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._name, self._seconds = name, seconds

    def seize(self) -> bool:
        """Take what nobody holds, or whose holder didn't prolong it in time; what was this process's own anyway."""
        free = Q(expires_at__lte=Now()) | Q(holder=self.holder)
        if self._write(free):
            return True
        Lease.objects.bulk_create([Lease(name=self._name, holder="", expires_at=LONG_AGO)], ignore_conflicts=True)
        return self._write(free)

    def keep(self) -> bool:
        """Prolong it; False when it's somebody else's. Who lost it must read all anew: it may have been led on meanwhile."""
        return self._write(Q(holder=self.holder))

    def note_turn(self) -> None:
        """Tell the servers, which watch, that the leader has just finished a turn."""
        Lease.objects.filter(name=self._name, holder=self.holder).update(done_at=Now())

    @contextmanager
    def fenced(self) -> Iterator[None]:
        """A transaction that nobody but the leader gets through, and during which nobody else becomes the leader.

        The lease's row stays locked until the end. A process that is stopped in the middle would keep it so for ever:
        PostgreSQL is told to end such a transaction. Raises NotLeadingError.
        """
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_MS}")
            if not self.keep():
                raise NotLeadingError
            yield

    def give_back(self) -> None:
        """Let another one lead at once."""
        Lease.objects.filter(name=self._name, holder=self.holder).update(expires_at=Now())

    def leader(self) -> str | None:
        """Who leads now, None for nobody."""
        held = Lease.objects.filter(name=self._name, expires_at__gt=Now())
        return held.values_list("holder", flat=True).first()

    def _write(self, condition: Q) -> bool:
        until = ExpressionWrapper(Now() + timedelta(seconds=self._seconds), output_field=DateTimeField())
        found = Lease.objects.filter(condition, name=self._name)
        return bool(found.update(holder=self.holder, expires_at=until))
