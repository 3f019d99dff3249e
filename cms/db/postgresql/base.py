"""Django's PostgreSQL backend with our pool: it fails at once while the database is gone, and asks it only at need."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

import psycopg
from django.core.signals import request_finished
from django.db import DataError, InterfaceError, OperationalError, connections
from django.db.backends.base.base import NO_DB_ALIAS, RAN_DB_VERSION_CHECK
from django.db.backends.postgresql import base
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.backends.signals import connection_created
from django.db.backends.utils import CursorWrapper
from django.db.utils import DatabaseErrorWrapper
from psycopg.errors import AdminShutdown, CrashShutdown, IdleSessionTimeout, ReadOnlySqlTransaction
from psycopg.pq import TransactionStatus

from cms import clock
from cms.costs.answering import is_answering, is_beside_requests
from cms.db import tell_of_doubt
from cms.db.postgresql.connection import PooledConnection
from cms.db.postgresql.errors import PoolBusy
from cms.db.postgresql.pool import Pool
from cms.db.postgresql.schema import SchemaEditor

_guard = threading.Lock()
_pools: Final[dict[str, Pool]] = {}
OPENING_S: Final = 10.0
"""How long each of a new connection's first statements may take."""
SETTINGS: Final = "SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('jit', 'off', false)"
"""Only our prepared statements keep plans. Only the present and a name vary in them, and any plan is as good for these;
by its own estimate PostgreSQL would plan lists again each time, for half of what they cost. Compiling (jit) a statement
takes tens of milliseconds, and answers no request sooner."""
FAREWELLS: Final = (AdminShutdown, CrashShutdown, IdleSessionTimeout)
BEYOND_LIMITS: Final = "54"
"""How the SQLSTATEs of "program limit exceeded" begin: PostgreSQL's documentation, appendix A."""
_of_parents: Final[list[Any]] = []
"""The pools and connections of a process before it forked: its child neither uses nor closes them."""


class _Further(threading.local):
    """The connections that this thread's request has made beside its own."""

    def __init__(self) -> None:
        self.of_request: list[DatabaseWrapper] = []


_further: Final = _Further()


class FirstTryCursor(CursorWrapper):
    """Repeat a statement whose connection proves lost, if it was the connection's first: then nothing else is lost."""

    db: "DatabaseWrapper"

    def _execute(self, sql: Any, params: Any, *ignored: Any) -> Any:
        self._note(sql)
        if not self.db.is_untried:
            return super()._execute(sql, params, *ignored)  # type: ignore[misc]
        is_repeatable = self._is_repeatable(sql)
        try:
            result = super()._execute(sql, params, *ignored)  # type: ignore[misc]
        except OperationalError as error:
            if not (is_repeatable and self.db.is_lost_by(error)):
                raise
            self.db.replace_connection()
            self.cursor = self.db.create_cursor()
            self.cursor.connection.note(sql)
            result = super()._execute(sql, params, *ignored)  # type: ignore[misc]
        self.db.is_untried = False
        return result

    def _note(self, sql: Any) -> None:
        """Raises InterfaceError where the connection may be another request's by now."""
        connection = self.cursor.connection
        if connection is not self.db.connection:
            raise InterfaceError("The cursor has outlived its connection, which went back to the pool.")
        connection.note(sql)

    def _is_repeatable(self, sql: Any) -> bool:
        """Return False for a write that commits itself, which may be done already; one within a block is not."""
        is_alone = not isinstance(self.cursor, psycopg.ServerCursor) and self.db.is_outside_transaction
        return is_alone and (not self.db.autocommit or (isinstance(sql, str) and sql.lstrip()[:6].upper() == "SELECT"))

    def _executemany(self, sql: Any, *args: Any) -> Any:
        self._note(sql)
        self.db.is_untried = False
        return super()._executemany(sql, *args)  # type: ignore[misc]


class ErrorWrapper(DatabaseErrorWrapper):
    """Django's, with two errors in another class.

    A server that takes no writes is an outage: in a failover a standby becomes the primary. A view that has forbidden
    itself to write is none. Neither is a value or a statement that is larger than the server can hold, though psycopg
    says so: it fails again whenever it is sent.
    """

    wrapper: Any

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if exc_type is None:
            return
        if isinstance(exc_value, ReadOnlySqlTransaction) and not self.wrapper.is_read_only_by_itself():
            self.wrapper.errors_occurred = True
            raise OperationalError(*exc_value.args).with_traceback(traceback) from exc_value
        if (getattr(exc_value, "sqlstate", None) or "").startswith(BEYOND_LIMITS):
            raise DataError(*exc_value.args).with_traceback(traceback) from exc_value
        super().__exit__(exc_type, exc_value, traceback)


class Operations(DatabaseOperations):
    """Makes `icontains` ILIKE: PostgreSQL estimates from its statistics how many rows that finds.

    For `UPPER(column) LIKE` it has none and expects few. It then reads and sorts the whole table for the first page of
    a list in which most rows match, where an index in the order of the list would end after some fifty.
    """

    def lookup_cast(self, lookup_type: str, internal_type: str | None = None) -> Any:
        return super().lookup_cast("contains" if lookup_type == "icontains" else lookup_type, internal_type)


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = SchemaEditor
    ops_class = Operations
    operators = {**base.DatabaseWrapper.operators, "icontains": "ILIKE %s"}
    pattern_ops = {**base.DatabaseWrapper.pattern_ops, "icontains": "ILIKE '%%' || {} || '%%'"}
    connection: Any
    lock_timeout_s: float | None = None
    """How long a change of the schema waits for a lock; None waits on."""
    schema_pid: int | None = None
    """The server's number of the session that changes the schema, noted where `lock_timeout_s` is set."""
    is_untried = False
    """Whether no statement has succeeded yet on the connection since it was taken."""
    _taken_from: Pool | None = None

    @cached_property
    def wrap_database_errors(self) -> ErrorWrapper:
        return ErrorWrapper(self)

    @property
    def pool(self) -> Pool | None:
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        pool = _pools.get(self.alias)
        if pool is None:
            with _guard:
                pool = _pools.get(self.alias)
                if pool is None:
                    opener, chosen = _Opener(self), {} if options is True else options
                    pool = _pools[self.alias] = Pool(opener, login=opener.login, opening=opener.opening, **chosen)
        return pool

    def close_pool(self) -> None:
        if pool := _pools.pop(self.alias, None):
            pool.close()

    def connect(self) -> None:
        """Connect as Django does, without the pool's settings at opening: parameters, autocommit, time zone."""
        pool = self.pool
        if pool is None:
            self._taken_from = None
            super().connect()
            return
        self.in_atomic_block = self.needs_rollback = self.closed_in_transaction = self.errors_occurred = False
        self.savepoint_ids, self.atomic_blocks = [], []
        self.health_check_enabled, self.health_check_done = False, True
        self.close_at = 0.0
        self.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        self.connection, self._taken_from = self._take_from(pool), pool
        self.autocommit = self.is_untried = True
        if self.alias not in RAN_DB_VERSION_CHECK:
            self.init_connection_state()
        connection_created.send(sender=self.__class__, connection=self)
        self.run_on_commit = []

    def _take_from(self, pool: Pool) -> PooledConnection:
        is_further = is_answering() and self not in connections.all(initialized_only=True)
        if is_further:
            _further.of_request.append(self)
        return pool.take(is_request=is_answering(), is_shared=is_further or is_beside_requests())

    def _configure_connection(self, connection: Any) -> bool:
        """Django's own, and a look at the server's clock; whether a transaction has to be ended after it."""
        super()._configure_connection(connection)  # type: ignore[misc]
        asked_s = time.monotonic()
        (at,) = connection.execute("SELECT clock_timestamp()").fetchone()
        clock.note_reading(at, asked_s=asked_s, answered_s=time.monotonic())
        return True

    @property
    def _is_closed(self) -> bool:
        return self.connection is not None and bool(self.connection.closed)

    def ensure_connection(self) -> None:
        if self.errors_occurred and self._taken_from and not self.in_atomic_block and self._is_closed:
            self.close()
        if self.connection is None and self.in_atomic_block and self.closed_in_transaction and self.pool:
            raise OperationalError("The connection was lost within this transaction.")  # Django's is a ProgrammingError
        super().ensure_connection()

    def close_if_unusable_or_obsolete(self) -> None:
        """Return the connection between requests: the pool checks whether it can be used again.

        A block of a transaction that a view has left open ends here, or no later request of this thread would connect.
        """
        if self.pool is None:
            super().close_if_unusable_or_obsolete()
        elif self.connection is not None or self.in_atomic_block:
            blocks: list[Any] = self.atomic_blocks
            if not any(block._from_testcase for block in blocks):  # a test's own one is around whole requests
                self.in_atomic_block = self.needs_rollback = self.closed_in_transaction = False
            self.close()

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        return FirstTryCursor(cursor, self) if self._taken_from else super().make_cursor(cursor)

    def chunked_cursor(self) -> CursorWrapper:
        """Return a cursor on the server within a transaction, else a usual one, which reads all rows at once.

        Held beyond a transaction, it would be in a session that PgBouncer gives to others between two statements.
        """
        return self.cursor() if self.get_autocommit() else super().chunked_cursor()

    def prepared_cursor(self) -> CursorWrapper:
        """Return a cursor that binds on the server.

        The server plans frequent statements once for each connection (`DATABASE_PREPARE`).
        """
        self.ensure_connection()
        if self._taken_from is None:
            return self.cursor()
        usual, self.connection.cursor_factory = self.connection.cursor_factory, psycopg.Cursor
        try:
            return self._prepare_cursor(self.create_cursor())  # type: ignore[attr-defined, no-any-return]
        finally:
            self.connection.cursor_factory = usual

    @property
    def is_outside_transaction(self) -> bool:
        """Return the server's view: a block of Django's begins with its first statement."""
        return bool(self.connection.pgconn.transaction_status == TransactionStatus.IDLE)

    def is_read_only_by_itself(self) -> bool:
        """Whether the server takes writes, but not in this request's transaction: its view has forbidden them."""
        if self._taken_from is None or not is_answering() or self.connection.is_of_standby:
            return False
        return self._taken_from.takes_writes()

    def is_lost_by(self, error: OperationalError) -> bool:
        """Whether the session has ended; its farewell may come a moment before the socket's end."""
        if self.connection is None or self._taken_from is None or self.connection.is_cut_short:
            return False
        return self._is_closed or isinstance(error.__cause__, FAREWELLS)

    def replace_connection(self) -> None:
        """Go on with another connection, as if the lost one had never been taken."""
        assert self._taken_from is not None
        lost, self.connection = self.connection, None
        self._taken_from.discard(lost, is_lost=True)
        try:
            with self.wrap_database_errors:
                self.connection = self._take_from(self._taken_from)
        except OperationalError:
            if self.in_atomic_block:
                self.closed_in_transaction = self.needs_rollback = True
            raise
        if not self.autocommit:
            self.connection.autocommit = False
        self.errors_occurred = False

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]
        except OperationalError as error:
            if self._taken_from and self.is_lost_by(error):
                hooks: list[Any] = [entry[1] for entry in self.run_on_commit]
                self._taken_from.once_reachable(lambda: tell_of_doubt(hooks))
            raise

    def _close(self) -> None:
        if self._taken_from is None:
            super()._close()  # type: ignore[misc]
        elif self.connection is not None:
            connection, self.connection = self.connection, None
            self._taken_from.put(connection)


class _Opener:
    """Opens connections as the settings were when the pool was made, from any thread."""

    def __init__(self, wrapper: DatabaseWrapper) -> None:
        self._params = {**wrapper.get_connection_params(), "autocommit": True}
        self._configure = wrapper._configure_connection
        self.opening: set[PooledConnection] = set()
        """Those whose first statements run. A router may let these wait although it has answered the login."""

    def login(self) -> PooledConnection:
        return PooledConnection.connect(**self._params)

    def __call__(self) -> PooledConnection:
        with contextlib.ExitStack() as on_failure:
            connection = on_failure.enter_context(contextlib.closing(self.login()))
            on_failure.callback(self.opening.discard, connection)
            connection.statement_timeout_s = OPENING_S
            self.opening.add(connection)
            with _busy_if_cut_short(connection):
                self._configure(connection)
                connection.execute(SETTINGS)
            on_failure.pop_all()
            self.opening.discard(connection)
            connection.statement_timeout_s = 0.0
        connection.begin()
        return connection


@contextlib.contextmanager
def _busy_if_cut_short(connection: PooledConnection) -> Iterator[None]:
    """Tell a router that lets statements wait from a database that is gone."""
    try:
        yield
    except psycopg.OperationalError as error:
        if connection.is_cut_short:
            raise PoolBusy(f"a new connection was let wait for more than {OPENING_S:g} s") from error
        raise


def _close_further(**_: Any) -> None:
    """Close the connections that a view has made beside that of its thread, which Django closes."""
    further, _further.of_request = _further.of_request, []
    for wrapper in further:
        wrapper.close()


def _begin_anew() -> None:
    """Drop the parent's connections in a child: two processes on one would read each other's answers."""
    global _guard  # noqa: PLW0603 - it may be held by a thread that the child doesn't have
    _guard = threading.Lock()
    _of_parents.extend(_pools.values())
    _pools.clear()
    for wrapper in connections.all(initialized_only=True):
        with contextlib.suppress(AttributeError):
            _of_parents.append(wrapper.connection)
            wrapper.connection = None


request_finished.connect(_close_further)
os.register_at_fork(after_in_child=_begin_anew)
