"""One leader among all controllers: a lease by the database's clock, and a fence that only its holder's writes pass.

`recording.leases` does not serve here: it is for work that may be done twice without harm. A controller's writes depend
on its earlier ones.
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
    """The leadership of one process. Clocks of machines play no part: leases expire by the database's clock."""

    def __init__(self, name: str = CONTROLLER, seconds: float = LEASE_S) -> None:
        self.holder = f"{socket.gethostname()[:80]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._name, self._seconds = name, seconds

    def seize(self) -> bool:
        """Take a lease that nobody holds or that expired, or that this process had anyway."""
        free = Q(expires_at__lte=Now()) | Q(holder=self.holder)
        if self._write(free):
            return True
        Lease.objects.bulk_create([Lease(name=self._name, holder="", expires_at=LONG_AGO)], ignore_conflicts=True)
        return self._write(free)

    def keep(self) -> bool:
        """Prolong the lease; False when another process has it.

        Then read everything again: the other leader may have gone on meanwhile.
        """
        return self._write(Q(holder=self.holder))

    def note_turn(self) -> None:
        """Report to the servers, which watch, that the leader has just finished a turn."""
        Lease.objects.filter(name=self._name, holder=self.holder).update(done_at=Now())

    @contextmanager
    def fenced(self) -> Iterator[None]:
        """Open a transaction that only the leader enters, and during which nobody else becomes the leader.

        The lease's row stays locked until the end. A process that is stopped in the middle would keep it for ever, so
        PostgreSQL is configured to end such a transaction. Raises NotLeadingError.
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
        """Return the present leader, None for nobody."""
        held = Lease.objects.filter(name=self._name, expires_at__gt=Now())
        return held.values_list("holder", flat=True).first()

    def _write(self, condition: Q) -> bool:
        until = ExpressionWrapper(Now() + timedelta(seconds=self._seconds), output_field=DateTimeField())
        found = Lease.objects.filter(condition, name=self._name)
        return bool(found.update(holder=self.holder, expires_at=until))
