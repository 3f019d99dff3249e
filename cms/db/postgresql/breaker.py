"""A process's knowledge of an outage: once the database is known to be gone, nobody has to find that out again."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Final

import psycopg
from psycopg.errors import ConnectionTimeout

from cms.db.postgresql.connection import PooledConnection

PROBE_EVERY_S: Final = 0.25
"""How long after the database's return it is asked; a try that began before may first end with `connect_timeout`."""
logger = logging.getLogger(__name__)


class Breaker:
    """Open while the database can't be reached; then one thread asks for it, four times a second, until it is back."""

    def __init__(
        self,
        connect: Callable[[], PooledConnection],
        on_open: Callable[[], None],
        on_close: Callable[[PooledConnection], None],
    ) -> None:
        """`on_open` is called when the outage begins, `on_close` with the first connection after it."""
        self._connect, self._on_open, self._on_close = connect, on_open, on_close
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._closed_at = 0.0
        self.failure: str | None = None
        """The reason of the outage; None while there is none."""
        self.is_silent = False
        """Whether in the last outage nobody refused, and nobody answered either."""

    def open(self, error: psycopg.Error, began_at: float) -> None:
        """Begin an outage after a failed try to connect. A try from before the last success counts for nothing."""
        with self._lock:
            if self.failure is not None or began_at < self._closed_at:
                return
            self.failure, self.is_silent = one_line(error), isinstance(error, ConnectionTimeout)
        self._on_open()
        with contextlib.suppress(RuntimeError):  # the interpreter is about to end
            threading.Thread(target=self._probe, name="database-probe", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _probe(self) -> None:
        began_at, is_logged = time.monotonic(), False
        while not self._stopped.wait(PROBE_EVERY_S):
            try:
                connection = self._connect()
            except psycopg.Error as error:
                self.failure = one_line(error)
                if not is_logged:  # not at once: a command has ended by now, and says it itself
                    logger.error("The database can't be reached: %s", self.failure)
                    is_logged = True
                continue
            with self._lock:
                self.failure, self._closed_at = None, time.monotonic()
            logger.warning("The database is reached again, after %.1f s", time.monotonic() - began_at)
            self._on_close(connection)
            return


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())
