"""A connection that lies in a pool between its uses, and what can be known of it without asking the database."""

import contextlib
import os
import select
import socket
import time
from hashlib import blake2b
from typing import Any, Final

import psycopg
from psycopg._preparing import Prepare, PrepareManager
from psycopg._queries import PostgresClientQuery, PostgresQuery
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

CANCEL_S: Final = 1.0
"""How long the server may take to hear that a statement is to be ended."""
DEAF_S: Final = 5.0
"""How long a canceled statement may run on before its connection is cut. A router may lose the cancel request."""
PREPARED_MAX: Final = 24
"""Statements that a session keeps: some 200 kB each, and callers choose some of their texts."""


_STANDBY: Final = b"in_hot_standby"
_REPORTED: Final = (
    _STANDBY,
    *(b"default_transaction_read_only", b"session_authorization", b"is_superuser", b"search_path", b"TimeZone"),
    *(b"standard_conforming_strings", b"DateStyle", b"IntervalStyle", b"client_encoding"),
)
"""Settings of which the server tells each change, `search_path` as of PostgreSQL 18."""
_LEAVE_NOTHING: Final = (
    *("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "TABLE", "(", "EXPLAIN", "LOCK", "COPY"),
    *("SAVEPOINT", "RELEASE", "ROLLBACK", "SET LOCAL", "SET CONSTRAINTS", "SET TRANSACTION"),
)
_BEGINNING: Final = max(map(len, _LEAVE_NOTHING))


class NamedByText(PrepareManager):
    """psycopg numbers its statements, and so the same name means another one in each connection.

    A router that hands sessions around knows nothing of that, so another client's statement would be run. By these
    names it is the same statement, or none.
    """

    prepared_max = PREPARED_MAX

    def maybe_add_to_cache(self, query: PostgresQuery, prep: Prepare, name: bytes) -> Any:
        """Django's own statements, with their values in the text, are never prepared, and so need not be counted."""
        return None if isinstance(query, PostgresClientQuery) else super().maybe_add_to_cache(query, prep, name)

    def get(self, query: PostgresQuery, prepare: bool | None = None) -> tuple[Prepare, bytes]:
        wanted, name = super().get(query, prepare)
        if wanted is Prepare.SHOULD:
            name = f"tandem_{blake2b(repr(self.key(query)).encode(), digest_size=16).hexdigest()}".encode()
        return wanted, name


class PooledConnection(psycopg.Connection):
    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._prepared = NamedByText()
        self._began_as = self._state()

    def forget_plans(self) -> None:
        """Forget plans on both sides, whichever of them knew what."""
        fresh = NamedByText()
        fresh.prepare_threshold = self._prepared.prepare_threshold
        self._prepared = fresh
        self.pgconn.exec_(b"DEALLOCATE ALL")

    opened_at = 0.0
    returned_at = 0.0
    sightings = 0
    """How often in a row it was seen to wait for the database; the watch counts."""

    statement_timeout_s = 0.0
    """How long a statement of the present user may take; 0 has no limit."""
    is_cut_short = False
    """Whether a statement was told to end. That word may arrive late, so nobody else gets this connection."""
    _may_be_altered = False
    _asked_at = 0.0

    def begin(self) -> None:
        """Note that the connection is open, and as which session every user shall find it."""
        self.opened_at = self.returned_at = time.monotonic()
        self._may_be_altered, self._began_as = False, self._state()

    def note(self, statement: Any) -> None:
        """Note a statement that may leave something in the session, as SET and LISTEN do."""
        is_text = isinstance(statement, str)
        if not (is_text and statement.lstrip()[:_BEGINNING].upper().startswith(_LEAVE_NOTHING)):
            self._may_be_altered = True

    @property
    def may_be_altered(self) -> bool:
        """Whether the next user may find another session than this one did, as far as that is known without asking."""
        return self._may_be_altered or self._state() != self._began_as

    @property
    def is_of_standby(self) -> bool:
        """Whether the server is a standby, or was one: a transaction that began there takes no writes to its end."""
        return b"on" in (self.pgconn.parameter_status(_STANDBY), self._began_as[_REPORTED.index(_STANDBY)])

    def execute(self, query: Any, *args: Any, **more: Any) -> Any:
        """Note a statement that passes by Django's cursors."""
        self.note(query)
        return super().execute(query, *args, **more)

    def _state(self) -> tuple[Any, ...]:
        reported = map(self.pgconn.parameter_status, _REPORTED)
        transactions = (self.isolation_level, self.read_only, self.deferrable)
        return *reported, *transactions, self.row_factory, self.cursor_factory, self.prepare_threshold

    def wait(self, gen: PQGen[Any], *args: Any, **more: Any) -> Any:
        """psycopg comes by here each time that it asks the server for something, the next rows of a cursor included."""
        self._asked_at = time.monotonic()
        return super().wait(gen, *args, **more)

    @property
    def is_waiting(self) -> bool:
        """Whether a statement was sent whose answer isn't complete. A look into memory, safe from any thread."""
        return self.pgconn.transaction_status == TransactionStatus.ACTIVE

    @property
    def is_overdue(self) -> bool:
        """Whether its user waits for too long."""
        return self._is_late_by(0.0)

    @property
    def is_deaf(self) -> bool:
        """Whether its statement still runs DEAF_S after its limit, although it was canceled."""
        return self.is_cut_short and self._is_late_by(DEAF_S)

    def _is_late_by(self, seconds: float) -> bool:
        """Look at the clock last, which the next statement sets first."""
        limit_s = self.statement_timeout_s
        return limit_s > 0 and self.is_waiting and time.monotonic() - self._asked_at > limit_s + seconds

    def cut_short(self) -> bool:
        """End the statement, which then fails with an OperationalError; False if the server couldn't be told."""
        self.is_cut_short = True
        try:
            self.cancel_safe(timeout=CANCEL_S)
        except (psycopg.Error, OSError):
            return False
        return True

    def was_left_alone(self) -> bool:
        """Return whether the server has sent nothing since the last use, by one system call.

        A message that nobody asked for is its farewell.
        """
        try:
            poll = select.poll()
            poll.register(self.pgconn.socket, select.POLLIN)
            return not poll.poll(0)
        except (psycopg.Error, OSError, ValueError):
            return False

    def answers_within(self, timeout_s: float) -> bool:
        """Whether the server still answers, which costs a round trip."""
        result = self.result_within(timeout_s, b"")
        return result is not None and result.status == ExecStatus.EMPTY_QUERY

    def result_within(self, timeout_s: float, statement: bytes) -> PGresult | None:
        """Return the result of a short statement. After None it may come yet: the connection is of no more use."""
        deadline = time.monotonic() + timeout_s
        try:
            self.pgconn.send_query(statement)
            self.pgconn.flush()  # a short statement fits into any socket's buffer
            poll = select.poll()
            poll.register(self.pgconn.socket, select.POLLIN)
            while self.pgconn.is_busy():
                if not poll.poll(max(0.0, deadline - time.monotonic()) * 1_000):
                    return None
                self.pgconn.consume_input()
            result = self.pgconn.get_result()
            return result if self.pgconn.get_result() is None else None
        except (psycopg.Error, OSError, ValueError):
            return None

    def cut(self) -> None:
        """End it under the thread that waits for it, which then fails with an OperationalError."""
        with contextlib.suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(self.pgconn.socket)) as line:
            line.shutdown(socket.SHUT_RDWR)
