"""A transaction in which temporary tables stand in for the real ones, which the database itself keeps read-only.

Both engines look for a table among the temporary ones first, so a handler that names `shop_order` reads and writes the
copy. All ends with a rollback, which drops the copies too.
"""

import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connection, transaction

from canary.shadow.snapshots import STEPS_BETWEEN_LOOKS
from canary.shadow.writes.guarding import WriteGuard

LOCK_TIMEOUT_MS: Final = 100
"""For a table's definition while a migration holds it: the copy gives way."""
SERIALS: Final = """
    SELECT attname, pg_get_serial_sequence(%(name)s, attname) FROM pg_attribute
    WHERE attrelid = %(name)s::regclass AND attnum > 0 AND NOT attisdropped
      AND pg_get_serial_sequence(%(name)s, attname) IS NOT NULL
"""
CONSTRAINTS: Final = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = %(name)s::regclass AND contype IN ('p', 'u', 'x')
"""
UNIQUE_INDEXES: Final = """
    SELECT relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = %(name)s::regclass AND indisunique
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""
CHANGES: Final = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})
OTHERS: Final = frozenset(
    {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_ALTER_TABLE, sqlite3.SQLITE_TRANSACTION}
)
"""Other files, other tables, and the end of the transaction, which `executescript` sends by itself."""
HARMLESS_PRAGMAS: Final = frozenset({"table_info", "table_xinfo", "index_list", "index_info", "foreign_key_list"})
TABLE_HEAD: Final = re.compile(r'CREATE TABLE ("[^"]+"|\S+)')
INDEX_HEAD: Final = re.compile(r'CREATE UNIQUE INDEX ("[^"]+"|\S+) ON ("[^"]+"|\S+?)(?=\s*\()')


class PostgreSQL:
    """A READ ONLY transaction may write to temporary tables, and locks no row of others."""

    def __init__(self) -> None:
        self._made: list[tuple[str, str]] = []
        self._sequences: list[tuple[str, int, bool]] = []

    def holds_up_writers(self) -> bool:
        """Return whether an open snapshot makes writers wait."""
        return False

    @contextmanager
    def transaction(self, deadline_s: float) -> Iterator[WriteGuard]:
        milliseconds = int(deadline_s * 1_000)
        with _rolled_back():
            _run(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; "
                f"SET LOCAL statement_timeout = {milliseconds}; SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; "
                f"SET LOCAL idle_in_transaction_session_timeout = {5 * milliseconds}"
            )
            _run("SELECT 1")  # takes the snapshot
            yield WriteGuard(time.monotonic() + deadline_s)

    def create(self, table: str) -> str:
        """Create the empty copy and return its name. Foreign keys and triggers are not copied."""
        real, place = _quoted(table), f"canary_copy_{len(self._made)}"
        self._made.append((place, real))
        kinds = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED"
        _run(f"CREATE TEMPORARY TABLE {place} (LIKE {real} {kinds})")
        for column, sequence in _run(SERIALS, {"name": real}):
            self._give_sequence(place, _quoted(column), sequence)
        for name, definition in _run(CONSTRAINTS, {"name": real}):
            _run(f"ALTER TABLE pg_temp.{place} ADD CONSTRAINT {_quoted(name)} {definition}")
        for name, definition in _run(UNIQUE_INDEXES, {"name": real}):
            _run(f"CREATE UNIQUE INDEX {_quoted(name)} ON pg_temp.{place} USING {definition.partition(' USING ')[2]}")
        return place

    def _give_sequence(self, place: str, column: str, real: str) -> None:
        """Number the copy's rows from where the real sequence stands: a number drawn from that one would be lost."""
        [(last, is_called)] = _run(f"SELECT last_value, is_called FROM {real}")  # noqa: S608
        own = f"canary_sequence_{len(self._sequences)}"
        _run(f"CREATE TEMPORARY SEQUENCE {own}")
        _run(f"ALTER TABLE pg_temp.{place} ALTER COLUMN {column} SET DEFAULT nextval('pg_temp.{own}')")
        self._sequences.append((f"pg_temp.{own}", last, is_called))

    def seal(self) -> None:
        """Give the copies their tables' names. The database refuses every other write from here on."""
        for place, real in self._made:
            _run(f"ALTER TABLE pg_temp.{place} RENAME TO {real}")
        [(path,)] = _run("SELECT current_setting('search_path')")
        _run(f"SET LOCAL search_path = pg_temp, {path}")  # which may name pg_temp last
        _run("SET TRANSACTION READ ONLY")

    def restart(self) -> None:
        """Put sequences back: they do not follow a rollback, and both versions shall draw the same numbers."""
        for own, last, is_called in self._sequences:
            _run("SELECT setval(%s, %s, %s)", [own, last, is_called])


class SQLite:
    """The authorizer refuses every change of another schema than `temp` as its statement is prepared."""

    def __init__(self) -> None:
        self._made: list[tuple[str, str]] = []

    def holds_up_writers(self) -> bool:
        """Return whether an open snapshot makes writers wait: in all modes but WAL."""
        return bool(_run("PRAGMA journal_mode") != [("wal",)])

    @contextmanager
    def transaction(self, deadline_s: float) -> Iterator[WriteGuard]:
        connection.ensure_connection()
        wrapper: Any = connection
        raw, mode = wrapper.connection, wrapper.transaction_mode
        [(has_keys,)] = raw.execute("PRAGMA foreign_keys").fetchall()
        guard = WriteGuard(time.monotonic() + deadline_s)
        wrapper.transaction_mode = "DEFERRED"  # IMMEDIATE, as the settings have it, takes the lock of writers
        raw.execute("PRAGMA foreign_keys = OFF")  # a temporary table's keys can't refer to real tables
        raw.execute("PRAGMA temp_store = MEMORY")
        raw.set_progress_handler(guard.is_over, STEPS_BETWEEN_LOOKS)
        try:
            with _rolled_back():
                try:
                    _run("SELECT 1 FROM sqlite_master LIMIT 1")  # takes the snapshot
                    yield guard
                finally:
                    raw.set_authorizer(None)
                    raw.set_progress_handler(None, 0)
        finally:
            raw.execute(f"PRAGMA foreign_keys = {has_keys}")
            wrapper.transaction_mode = mode

    def create(self, table: str) -> str:
        """Create the empty copy and return its name. Triggers are not copied."""
        place = f"canary_copy_{len(self._made)}"
        found = _run("SELECT sql FROM main.sqlite_master WHERE type = 'table' AND name = %s", [table])
        if not found or not TABLE_HEAD.match(found[0][0]):
            raise ValueError(f"{table} is not an ordinary table, so ROWS can't name it.")
        self._made.append((place, table))
        _run(TABLE_HEAD.sub(f"CREATE TEMPORARY TABLE {place}", found[0][0], count=1))
        indexes = "SELECT sql FROM main.sqlite_master WHERE type = 'index' AND tbl_name = %s AND sql IS NOT NULL"
        for (text,) in _run(indexes, [table]):
            if INDEX_HEAD.match(text):
                _run(INDEX_HEAD.sub(rf"CREATE UNIQUE INDEX temp.\1 ON {place}", text, count=1))
        return place

    def seal(self) -> None:
        """Give the copies their tables' names and numbers. Every other write is refused from here on."""
        for place, table in self._made:
            _run(f"ALTER TABLE temp.{place} RENAME TO {_quoted(table)}")
            if _run("SELECT 1 FROM temp.sqlite_master WHERE name = 'sqlite_sequence'"):
                _run("DELETE FROM temp.sqlite_sequence WHERE name = %s", [table])
                _run(
                    "INSERT INTO temp.sqlite_sequence SELECT name, seq FROM main.sqlite_sequence WHERE name = %s",
                    [table],
                )
        wrapper: Any = connection
        wrapper.connection.set_authorizer(_allow)

    def restart(self) -> None:
        """Do nothing: the numbers stand in a table here, and follow a rollback."""


def engine() -> PostgreSQL | SQLite:
    return SQLite() if connection.vendor == "sqlite" else PostgreSQL()


def _allow(action: int, one: str | None, two: str | None, schema: str | None, within: str | None) -> int:
    is_pragma = action == sqlite3.SQLITE_PRAGMA and two is not None and one not in HARMLESS_PRAGMAS
    is_refused = is_pragma or action in OTHERS or (action in CHANGES and schema != "temp")
    return sqlite3.SQLITE_DENY if is_refused else sqlite3.SQLITE_OK


@contextmanager
def _rolled_back() -> Iterator[None]:
    block: Any = transaction.Atomic(DEFAULT_DB_ALIAS, savepoint=False, durable=True)
    block._from_testcase = True  # a durable block of a handler may begin within, as within a test's
    with block:
        try:
            yield
        finally:
            transaction.set_rollback(True)


def _run(sql: str, params: Sequence[Any] | dict[str, Any] | None = None) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
