"""The connections of one process, shared by its threads.

psycopg's own pool was left for three reasons. It waits as long for a database that is gone as for a connection that is
in use. It comes back up to a minute late after an outage. It asks the server before each use whether it is there.
"""

import contextlib
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from typing import Final

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

from cms.db.postgresql.breaker import Breaker, one_line
from cms.db.postgresql.connection import PooledConnection
from cms.db.postgresql.errors import DatabaseUnreachable, PoolBusy
from cms.db.postgresql.share import Share
from cms.db.postgresql.watch import Watch

LIFETIME_S: Final = 3_600.0
"""The longest life of a connection: a server process keeps what it once needed, such as plans and catalog entries."""
IDLE_S: Final = 600.0
ASK_AFTER_S: Final = 5.0
"""The time in the pool after which a connection is tested: a session that a router has lost gives no sign of it."""
ANSWER_S: Final = 1.0
# libpq gives no code for what is refused before a session begins.
_IS_FULL: Final = re.compile(r"too many (?:clients|connections)|connection slots|no more connections", re.IGNORECASE)


class Pool:
    def __init__(
        self,
        connect: Callable[[], PooledConnection],
        *,
        login: Callable[[], PooledConnection] | None = None,
        opening: Collection[PooledConnection] = (),
        max_size: int = 8,
        timeout: float = 10.0,
        statement_timeout: float = 0.0,
    ) -> None:
        """`login` opens a connection without a statement, where `connect` sends some; `opening` are those doing so.

        `timeout` is how many seconds a thread waits for a connection while all `max_size` are in use.

        `statement_timeout` is how many seconds a statement of a web request may take; 0 has no limit.
        """
        self._opening = opening
        self._connect, self._max_size, self._timeout_s = connect, max_size, timeout
        self._statement_timeout_s = statement_timeout
        self._share = Share(timeout, self.discard)
        self._lock = threading.Lock()
        self._idle: list[PooledConnection] = []
        """The last one returned is taken first, so that what isn't needed grows old."""
        self._taken: set[PooledConnection] = set()
        self._size = 0
        """Idle, taken and being opened."""
        self._waiters: deque[_Waiter] = deque()
        """Served in their order; there is none while anything is idle."""
        self._lost_at = float("-inf")
        self._to_tell: list[Callable[[], object]] = []
        self._is_closed = False
        self.breaker = Breaker(connect, self._give_up, self._add)
        self._login = login or connect
        self._watch = Watch(self._login, self.breaker, self._waiting_connections)

    def take(self, *, is_request: bool = False, is_shared: bool = False) -> PooledConnection:
        """Raises PoolBusy or ShareBusy after `timeout`, DatabaseUnreachable at once when that is known.

        `is_request` says that a web request takes it, whose statements may not take for ever; `is_shared` that it is
        one of the few beside those that Django gives to requests.
        """
        self._watch.start()
        is_shared = is_shared and self._share.is_for_this_thread()
        connection = self._share.take(self._sound_one) if is_shared else self._sound_one()
        connection.statement_timeout_s = self._statement_timeout_s if is_request else 0.0
        with self._lock:
            self._taken.add(connection)
        return connection

    def put(self, connection: PooledConnection) -> None:
        """Take a connection back from its user, in any state."""
        now = time.monotonic()
        is_reusable = _is_reusable(connection)
        is_usable = not connection.is_cut_short and not connection.may_be_altered
        if not is_reusable or not is_usable or now - connection.opened_at > LIFETIME_S:
            self.discard(connection, is_lost=not is_reusable)
            return
        self._share.note_return(connection)
        connection.returned_at, connection.sightings = now, 0
        with self._lock:
            self._taken.discard(connection)
            is_kept = not self._is_closed and self.breaker.failure is None
            if is_kept:
                self._give(connection)
            oldest = self._idle[0] if self._idle else connection
        if not is_kept:
            self.discard(connection)
        elif now - oldest.returned_at > IDLE_S:
            self._shrink(oldest)

    def discard(self, connection: PooledConnection, *, is_lost: bool = False) -> None:
        """Close a connection. `is_lost` means that it broke since its last check: the others are tested before use."""
        connection.close()
        self._share.note_return(connection)
        if is_lost:
            self._lost_at = time.monotonic()
        with self._lock:
            self._taken.discard(connection)
            self._give(None)

    def once_reachable(self, tell: Callable[[], object]) -> None:
        """Call `tell` now if the database answers, else when the outage ends."""
        try:
            self.put(self.take())
        except PoolBusy:
            pass
        except DatabaseUnreachable:
            with self._lock:
                self._to_tell.append(tell)
            if self.breaker.failure is None:  # it ended this very moment
                self._tell()
            return
        tell()

    def takes_writes(self) -> bool:
        """Ask whether the server lets a new session write. False also while it gives no answer."""
        with contextlib.suppress(psycopg.Error), contextlib.closing(self._login()) as fresh:
            result = fresh.result_within(ANSWER_S, b"SHOW transaction_read_only")
            return result is not None and result.status == ExecStatus.TUPLES_OK and result.get_value(0, 0) == b"off"
        return False

    def close(self) -> None:
        """Close idle connections now, and the others when they come back."""
        self._is_closed = True
        self.breaker.stop()
        self._watch.stop()
        self._give_up()

    def stats(self) -> dict[str, int]:
        with self._lock:
            return {"size": self._size, "idle": len(self._idle), "waiting": len(self._waiters), "max": self._max_size}

    def _sound_one(self) -> PooledConnection:
        deadline = time.monotonic() + self._timeout_s
        while True:
            connection = self._idle_or_place(deadline)
            if connection is None:
                return self._open(deadline)
            if self._is_sound(connection):
                return connection
            self.discard(connection, is_lost=True)

    def _is_sound(self, connection: PooledConnection) -> bool:
        """Check by a look alone a connection used a moment ago, if no other one was lost since."""
        if not connection.was_left_alone():
            return False
        trusted_since = max(self._lost_at, time.monotonic() - ASK_AFTER_S)
        return connection.returned_at > trusted_since or connection.answers_within(ANSWER_S)

    def _idle_or_place(self, deadline: float) -> PooledConnection | None:
        """Return a connection that may have been lost meanwhile, or None for the right to open one."""
        with self._lock:
            self._refuse_in_outage()
            if self._idle:
                return self._idle.pop()
            if self._size < self._max_size:
                self._size += 1
                return None
            waiter = self._enqueue()
        return self._await(waiter, deadline)

    def _open(self, deadline: float) -> PooledConnection:
        """Open a connection on the caller's place, which is given back on failure."""
        began_at = time.monotonic()
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self._give_place)
            try:
                connection = self._connect()
            except PoolBusy:
                raise
            except psycopg.OperationalError as error:
                if _IS_FULL.search(str(error)):
                    on_failure.pop_all()
                    return self._wait_for_another(deadline, error)
                self.breaker.open(error, began_at)
                raise DatabaseUnreachable(one_line(error)) from error
            on_failure.pop_all()
        return connection

    def _wait_for_another(self, deadline: float, error: Exception) -> PooledConnection:
        """Wait for another thread's connection: the server takes no more of us. Raises PoolBusy if there is none."""
        with self._lock:
            self._size -= 1
            waiter = self._enqueue() if self._size else None
        if waiter is None:
            raise PoolBusy(one_line(error)) from error
        connection = self._await(waiter, deadline)
        return connection or self._open(deadline)

    def _enqueue(self) -> "_Waiter":
        waiter = _Waiter()
        self._waiters.append(waiter)
        return waiter

    def _await(self, waiter: "_Waiter", deadline: float) -> PooledConnection | None:
        if not waiter.served.wait(deadline - time.monotonic()):
            with self._lock:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
                    raise PoolBusy(f"all {self._size} connections were in use for {self._timeout_s:g} s")
        if waiter.is_refused:
            raise DatabaseUnreachable(self.breaker.failure or "it was gone for a moment")
        return waiter.connection

    def _give(self, connection: PooledConnection | None) -> None:
        """Give it to the first who waits, or to the pool; None is a place. The caller holds the lock."""
        if self._waiters:
            waiter = self._waiters.popleft()
            waiter.connection = connection
            waiter.served.set()
        elif connection is None:
            self._size -= 1
        else:
            self._idle.append(connection)

    def _give_place(self) -> None:
        with self._lock:
            self._give(None)

    def _refuse_in_outage(self) -> None:
        if self._is_closed:
            raise DatabaseUnreachable("the pool is closed")
        if (failure := self.breaker.failure) is not None:
            raise DatabaseUnreachable(failure)

    def _give_up(self) -> None:
        """Close the idle connections, which an outage has broken, and let nobody wait for what won't come."""
        with self._lock:
            lost, self._idle = self._idle, []
            self._size -= len(lost)
            for waiter in self._waiters:
                waiter.is_refused = True
                waiter.served.set()
            self._waiters.clear()
        for connection in lost:
            connection.close()

    def _tell(self) -> None:
        with self._lock:
            to_tell, self._to_tell = self._to_tell, []
        for tell in to_tell:
            tell()

    def _add(self, connection: PooledConnection) -> None:
        """Add the first connection after an outage."""
        self._tell()
        connection.returned_at = time.monotonic()
        with self._lock:
            is_kept = self._size < self._max_size and not self._is_closed
            if is_kept:
                self._size += 1
                self._give(connection)
        if not is_kept:
            connection.close()

    def _shrink(self, oldest: PooledConnection) -> None:
        with self._lock:
            if not self._idle or self._idle[0] is not oldest:
                return
            del self._idle[0]
            self._size -= 1
        oldest.close()

    def _waiting_connections(self) -> list[PooledConnection]:
        with self._lock:
            return [connection for connection in (*self._taken, *self._opening) if connection.is_waiting]


class _Waiter:
    def __init__(self) -> None:
        self.served = threading.Event()
        self.connection: PooledConnection | None = None
        self.is_refused = False


def _is_reusable(connection: PooledConnection) -> bool:
    """Whether it is as it was when it was taken, or could be brought there."""
    try:
        if connection.pgconn.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            connection.rollback()
        if not connection.autocommit:
            connection.autocommit = True
    except psycopg.Error:
        return False
    return connection.pgconn.transaction_status == TransactionStatus.IDLE
