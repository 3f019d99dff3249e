"""A snapshot of the database in which nothing can be written, with a deadline for its statements."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import DatabaseError, connection, transaction

STEPS_BETWEEN_LOOKS: Final = 1_000
"""Steps of SQLite's machine between two looks at the clock: some tens of microseconds."""
QUERY_CANCELED: Final = "57014"  # SQLSTATEs of PostgreSQL
READ_ONLY_TRANSACTION: Final = "25006"


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

    Uses this thread's connection, which must be outside of a transaction.
    """
    guard = Guard(time.monotonic() + deadline_s)
    prepared = _on_sqlite if connection.vendor == "sqlite" else _on_postgresql
    with prepared(guard, deadline_s), connection.execute_wrapper(guard):
        try:
            yield guard
        finally:
            transaction.set_rollback(True)


@contextmanager
def forgotten() -> Iterator[None]:
    """Leave the transaction as it was after an error within, so that it can go on."""
    point = connection.savepoint()  # by the connection: its name in `transaction` differs between releases of Django
    try:
        yield
    finally:
        transaction.set_rollback(False)
        if point is not None:
            connection.savepoint_rollback(point)


@contextmanager
def _on_postgresql(guard: Guard, deadline_s: float) -> Iterator[None]:
    milliseconds = int(deadline_s * 1_000)
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # A thread that hangs in Python must not hold the snapshot, and with it what VACUUM could free, for long.
        cursor.execute(
            f"SET LOCAL statement_timeout = {milliseconds}; "
            f"SET LOCAL idle_in_transaction_session_timeout = {5 * milliseconds}"
        )
        yield


@contextmanager
def _on_sqlite(guard: Guard, deadline_s: float) -> Iterator[None]:
    connection.ensure_connection()
    wrapper: Any = connection
    raw, mode = wrapper.connection, wrapper.transaction_mode
    wrapper.transaction_mode = "DEFERRED"  # IMMEDIATE, as the settings have it, takes the lock of writers
    raw.execute("PRAGMA query_only = ON")
    raw.set_progress_handler(guard.is_over, STEPS_BETWEEN_LOOKS)
    try:
        with transaction.atomic(durable=True):
            yield
    finally:
        raw.set_progress_handler(None, 0)
        raw.execute("PRAGMA query_only = OFF")
        wrapper.transaction_mode = mode
