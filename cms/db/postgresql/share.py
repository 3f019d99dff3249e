"""The few connections that views may hold beside those of requests, which find the others.

A thread that a view has started keeps what it takes until it closes it, where Django closes that of a request.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Final

from cms.db.postgresql.connection import PooledConnection
from cms.db.postgresql.errors import ShareBusy

CONNECTIONS: Final = 4
HELPERS: Final = ("canary-", "readiness", "counters")
"""How the names of a server's own threads begin, which work beside requests and return what they take."""
LOOK_EVERY_S: Final = 0.25


class Share:
    def __init__(self, timeout_s: float, discard: Callable[[PooledConnection], None]) -> None:
        self._timeout_s, self._discard = timeout_s, discard
        self._free = threading.Semaphore(CONNECTIONS)
        self._holders: dict[PooledConnection, threading.Thread] = {}

    def is_for_this_thread(self) -> bool:
        return not threading.current_thread().name.startswith(HELPERS)

    def take(self, take: Callable[[], PooledConnection]) -> PooledConnection:
        """Return what `take` does, once this share has a place. Raises ShareBusy."""
        deadline = time.monotonic() + self._timeout_s
        while not self._free.acquire(timeout=max(0.0, min(LOOK_EVERY_S, deadline - time.monotonic()))):
            self._discard_of_ended_threads()
            if time.monotonic() >= deadline:
                raise ShareBusy(f"views held {CONNECTIONS} connections beside those of requests all the time")
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self._free.release)
            connection = take()
            on_failure.pop_all()
        self._holders[connection] = threading.current_thread()
        return connection

    def note_return(self, connection: PooledConnection) -> None:
        if self._holders.pop(connection, None) is not None:
            self._free.release()

    def _discard_of_ended_threads(self) -> None:
        for connection, holder in list(self._holders.items()):
            if not holder.is_alive():
                self._discard(connection)
