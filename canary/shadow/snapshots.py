"""A snapshot of the database in which nothing can be written, with a deadline for its statements.

Every other database of the settings has a snapshot of its own, which begins as something connects to it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from django.db import DatabaseError, connection, transaction

from canary.shadow.own_connections import other_databases
from canary.shadow.side_effects import SideEffectError

STEPS_BETWEEN_LOOKS: Final = 1_000
"""Steps of SQLite's machine between two looks at the clock: some tens of microseconds."""
QUERY_CANCELED: Final = "57014"  # SQLSTATEs of PostgreSQL
READ_ONLY_TRANSACTION: Final = "25006"
KEPT_READ_ONLY: Final = frozenset({"postgresql", "sqlite"})
"""Django's names of the databases whose transactions can be kept from writing."""


class ShadowDeadlineError(DatabaseError):
    """The time for a pair of reads is over."""


class Guard:
    """Around every statement of a snapshot: none begins after the deadline, and refused writes are noted.

    Views turn errors into answers, which prove nothing about the versions when the error was ours.
    """

    def __init__(self, ends_at: float) -> None:
        self._ends_at = ends_at
        self._is_late = False
        self.tried: list[str] = []
        """Attempts to do more than read, each as the rest of a sentence: `writes to the database: UPDATE …`."""
        self.others: list[Any] = []
        """Connections to other databases, each within a savepoint at the beginning of its snapshot."""

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if self.is_over():
            self._is_late = True
            raise ShadowDeadlineError
        try:
            return execute(sql, params, many, context)
        except DatabaseError as error:
            self._note(error, sql)
            raise

    def is_over(self) -> bool:
        return time.monotonic() > self._ends_at

    @property
    def is_late(self) -> bool:
        return self._is_late or self.is_over()

    def _note(self, error: DatabaseError, sql: str) -> None:
        state, text = getattr(error.__cause__, "sqlstate", None), str(error)
        if state == QUERY_CANCELED or text == "interrupted":
            self._is_late = True
        elif state == READ_ONLY_TRANSACTION or "readonly database" in text:
            self.tried.append(f"writes to the database: {sql[:200]}")


@contextmanager
def read_only_snapshot(deadline_s: float) -> Iterator[Guard]:
    """Read everything within from one moment, refuse every write, and always end with a rollback.

    Uses this thread's connection, which must be outside of a transaction, and its own ones to other databases.
    """
    guard = Guard(time.monotonic() + deadline_s)
    with (
        _read_only(connection, guard, deadline_s),
        connection.execute_wrapper(guard),
        _others_read_only(guard, deadline_s),
    ):
        yield guard


@contextmanager
def forgotten(guard: Guard) -> Iterator[None]:
    """Leave the transactions as they were after an error within, so that they can go on."""
    point = connection.savepoint()  # by the connection: its name in `transaction` differs between releases of Django
    try:
        yield
    finally:
        for wrapper, name in ((connection, point), *((other, other.savepoint_ids[0]) for other in guard.others)):
            wrapper.set_rollback(False)
            if name is not None:
                wrapper.savepoint_rollback(name)


@contextmanager
def _read_only(wrapper: Any, guard: Guard, deadline_s: float) -> Iterator[None]:
    prepared = _on_sqlite if wrapper.vendor == "sqlite" else _on_postgresql
    with prepared(wrapper, guard, deadline_s):
        try:
            yield
        finally:
            wrapper.set_rollback(True)


@contextmanager
def _others_read_only(guard: Guard, deadline_s: float) -> Iterator[None]:
    begun = ExitStack()

    def connect(other: Any) -> None:
        if other.vendor not in KEPT_READ_ONLY:
            guard.tried.append(f"uses the database {other.alias}, which can't be kept read-only")
            raise SideEffectError(f"A repeated request {guard.tried[-1]}.")
        with ExitStack() as on_failure:
            on_failure.callback(other.close)  # it could be written to
            type(other).connect(other)
            begun.enter_context(_other_read_only(other, guard, deadline_s))
            on_failure.pop_all()

    with other_databases(connect), begun:
        yield


@contextmanager
def _other_read_only(other: Any, guard: Guard, deadline_s: float) -> Iterator[None]:
    counting, other.execute_wrappers = other.execute_wrappers, []  # a version has not sent what begins the snapshot
    # The inner block is one that `forgotten` goes back to, and that a view's block which connects does not end.
    with _read_only(other, guard, deadline_s), transaction.atomic(using=other.alias):
        other.execute_wrappers = [*counting, guard]
        guard.others.append(other)
        try:
            yield
        finally:
            other.execute_wrappers = []
            other.commit_on_exit = True  # a view's block that connects has unset it
            other.set_rollback(True)
            del other.connect  # Django may connect again at the end, to a server that has gone


@contextmanager
def _on_postgresql(wrapper: Any, guard: Guard, deadline_s: float) -> Iterator[None]:
    milliseconds = int(deadline_s * 1_000)
    with transaction.atomic(using=wrapper.alias, durable=True):
        with wrapper.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # A thread that hangs in Python must not hold the snapshot, and with it what VACUUM could free, for long.
            cursor.execute(
                f"SET LOCAL statement_timeout = {milliseconds}; "
                f"SET LOCAL idle_in_transaction_session_timeout = {5 * milliseconds}"
            )
        yield


@contextmanager
def _on_sqlite(wrapper: Any, guard: Guard, deadline_s: float) -> Iterator[None]:
    wrapper.ensure_connection()
    raw, mode = wrapper.connection, wrapper.transaction_mode
    wrapper.transaction_mode = "DEFERRED"  # IMMEDIATE, as the settings have it, takes the lock of writers
    raw.execute("PRAGMA query_only = ON")
    raw.set_progress_handler(guard.is_over, STEPS_BETWEEN_LOOKS)
    try:
        with transaction.atomic(using=wrapper.alias, durable=True):
            yield
    finally:
        wrapper.transaction_mode = mode
        if wrapper.connection is raw:  # a view may have closed it
            raw.set_progress_handler(None, 0)
            raw.execute("PRAGMA query_only = OFF")
