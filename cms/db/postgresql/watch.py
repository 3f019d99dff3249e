"""Watch those who wait for the database: end statements that take too long, notice its silence, and read its clock.

Silent is alive as the network sees it, but without an answer. A statement of a command may honestly take minutes, so
its own duration tells nothing of that. That nobody is let in any more meanwhile does.
"""

import contextlib
import datetime
import threading
import time
from collections.abc import Callable
from typing import Final

import psycopg
from psycopg.errors import ConnectionTimeout

from cms import clock
from cms.db.postgresql.breaker import Breaker
from cms.db.postgresql.connection import PooledConnection

LOOK_EVERY_S: Final = 0.25
SUSPICIOUS_SIGHTINGS: Final = 3
"""A statement that is seen so often in a row is a reason to try the door."""
TRUST_S: Final = 2.0
"""For how long an opened door proves that the database is there."""


class Watch:
    """One thread a process, from the first use of a connection on."""

    def __init__(
        self,
        login: Callable[[], PooledConnection],
        breaker: Breaker,
        waiting_connections: Callable[[], list[PooledConnection]],
    ) -> None:
        """`login` opens a connection and sends no statement, which a router may let wait."""
        self._login, self._breaker, self._waiting_connections = login, breaker, waiting_connections
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._trusted_until = 0.0

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="database-watch", daemon=True)
            with contextlib.suppress(RuntimeError):  # the interpreter is about to end
                self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        seen: list[PooledConnection] = []
        while not self._stopped.wait(LOOK_EVERY_S):
            waiting = self._waiting_connections()
            for connection in seen:
                if connection not in waiting:
                    connection.sightings = 0
            for connection in waiting:
                connection.sightings += 1
            seen = waiting
            _end_overdue(waiting)
            if any(connection.sightings >= SUSPICIOUS_SIGHTINGS for connection in waiting) and self._is_silent():
                for connection in self._waiting_connections():
                    connection.cut()
            if clock.wants_reading() and self._breaker.failure is None:
                self._read_clock()

    def _read_clock(self) -> None:
        """A try that fails says nothing of the connections that are in use."""
        with contextlib.suppress(psycopg.Error), contextlib.closing(self._login()) as connection:
            asked_s = time.monotonic()
            result = connection.result_within(clock.TOLERANCE_S, b"SELECT extract(epoch FROM clock_timestamp())")
            value = result.get_value(0, 0) if result is not None and result.ntuples else None
            if value is not None:
                at = datetime.datetime.fromtimestamp(float(value), datetime.UTC)
                clock.note_reading(at, asked_s=asked_s, answered_s=time.monotonic())

    def _is_silent(self) -> bool:
        """Whether the database lets nobody in and refuses nobody either."""
        began_at = time.monotonic()
        if self._breaker.failure is not None:
            return self._breaker.is_silent
        if began_at < self._trusted_until:
            return False
        try:
            self._login().close()
        except ConnectionTimeout as error:
            self._breaker.open(error, began_at)
            return True
        except psycopg.Error:  # somebody is there and refuses; or nobody, and then all connections end by themselves
            return False
        self._trusted_until = time.monotonic() + TRUST_S
        return False


def _end_overdue(waiting: list[PooledConnection]) -> None:
    """Stop at the first of which the server doesn't hear: each of the others would hold the watch up, too."""
    for connection in waiting:
        if connection.is_deaf:
            connection.cut()
        elif connection.is_overdue and not connection.cut_short():
            return
