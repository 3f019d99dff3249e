"""The few connections that views may hold beside that of each request: requests find the others.

A thread that a view has started keeps what it takes until it closes it. So does a request that takes a further one,
where Django closes the first at the end of the request.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Collection
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
        """Who has taken those of this share."""
        self._firsts: dict[PooledConnection, threading.Thread] = {}
        """Which one each request has besides."""

    def take(
        self, take: Callable[[], PooledConnection], *, is_request: bool, is_further: bool, is_beside: bool
    ) -> PooledConnection:
        """Return what `take` does, once this share has a place if one is needed. Raises ShareBusy."""
        thread = threading.current_thread()
        if is_request and not is_further and thread not in list(self._firsts.values()):
            connection = take()
            self._firsts[connection] = thread
            return connection
        if is_request or (is_beside and not thread.name.startswith(HELPERS)):
            return self._take_place(take, thread)
        return take()

    def note_return(self, connection: PooledConnection) -> None:
        self._firsts.pop(connection, None)
        if self._holders.pop(connection, None) is not None:
            self._free.release()

    def end_request(self, in_use: Collection[PooledConnection]) -> None:
        """Close what this thread's request has not returned, except those `in_use` by Django's own connections."""
        thread = threading.current_thread()
        for connection, holder in [*self._firsts.items(), *self._holders.items()]:
            if holder is thread and connection not in in_use:
                connection.is_taken_back = True
                self._discard(connection)

    def _take_place(self, take: Callable[[], PooledConnection], thread: threading.Thread) -> PooledConnection:
        deadline = time.monotonic() + self._timeout_s
        while not self._free.acquire(timeout=max(0.0, min(LOOK_EVERY_S, deadline - time.monotonic()))):
            self._discard_of_ended_threads()
            if time.monotonic() >= deadline:
                raise ShareBusy(f"views held {CONNECTIONS} connections beside those of requests all the time")
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self._free.release)
            connection = take()
            on_failure.pop_all()
        self._holders[connection] = thread
        return connection

    def _discard_of_ended_threads(self) -> None:
        for connection, holder in list(self._holders.items()):
            if not holder.is_alive():
                self._discard(connection)
