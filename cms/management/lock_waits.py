"""Waits of `migrate` for locks on PostgreSQL: short ones, since every reader of a table queues behind one that waits.

CREATE INDEX CONCURRENTLY and its like keep nobody waiting. They wait in one piece, which the watch ends at the bound.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Self

from django.core.management.base import CommandError
from django.db import DatabaseError, OperationalError, connections

LOOK_EVERY_S: Final = 0.1
PAUSE_MAX_S: Final = 30
"""A holder's end may be hidden from the role that migrates: so at times it tries although nothing has changed."""
_LOCKED: Final = {"55P03", "40P01"}  # lock_not_available, deadlock_detected
_CANCELLED: Final = "57014"
_HOLDERS: Final = """
    SELECT DISTINCT pid, CASE WHEN pid = 0 THEN 'a prepared transaction' ELSE application_name END, xact_start
    FROM unnest(pg_blocking_pids(%s)) AS blocking(pid) LEFT JOIN pg_stat_activity USING (pid)
"""
_PRESENT: Final = "SELECT pid, application_name, xact_start FROM pg_stat_activity WHERE pid = ANY(%s)"
_UNFINISHED: Final = """
    SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid
    WHERE NOT indisvalid AND pg_table_is_visible(oid) ORDER BY 1
"""


@dataclass(frozen=True)
class Holder:
    pid: int
    name: str | None
    since: datetime | None

    def __str__(self) -> str:
        since = f"{self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if self.since else "an unknown time"
        return f"Process {self.pid} ({self.name or 'without a name'}) holds it in a transaction since {since}."


@dataclass
class Watch:
    """A thread that finds out who holds the lock that the migration waits for, while it waits."""

    connection: Any
    bound_s: float
    say: Callable[[str], Any]
    waited_s: float = 0.0
    has_ended_it: bool = False
    holders: frozenset[Holder] = frozenset()
    """Those of the last wait."""
    _told: set[Holder] = field(default_factory=set)
    _is_ready: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="lock-watch", daemon=True)
        self._thread.start()
        self._is_ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        own = connections[self.connection.alias]  # this thread's
        blocked_at: float | None = None
        try:
            own.ensure_connection()
            self._is_ready.set()
            while not self._over.wait(LOOK_EVERY_S):
                # Within a transaction the server ends a wait, at the time-out of one try.
                if not self._look(own) or self.connection.in_atomic_block:
                    blocked_at = None
                elif blocked_at is None:
                    blocked_at = time.monotonic()
                elif time.monotonic() - blocked_at + self.waited_s > self.bound_s:
                    self.has_ended_it = True
                    self.connection.connection.cut_short()
                    return
        except DatabaseError:
            return  # without names; the migration finds out about the database for itself
        finally:
            self._is_ready.set()
            own.close()

    def _look(self, own: Any) -> frozenset[Holder]:
        found = _holders(own, _HOLDERS, self.connection.schema_pid)
        if found:
            self.holders = found
        for holder in sorted(found - self._told, key=lambda one: one.pid):
            self.say(f"A migration waits for a lock. {holder}")
        self._told |= found
        return found

    def forget(self) -> None:
        self.holders = frozenset()


def migrate_in_short_waits(
    alias: str, migrate: Callable[[], Any], *, try_s: float, bound_s: float, say: Callable[[str], Any]
) -> None:
    """Run `migrate`, and again from its first migration that is not applied whenever a lock stays taken for `try_s`.

    Raises CommandError once these waits have lasted for `bound_s` together.
    """
    connection: Any = connections[alias]  # of this thread, while the watch has another
    with Watch(connection, bound_s, say) as watch:
        connection.lock_timeout_s = try_s
        try:
            while not _is_done(migrate, watch):
                watch.waited_s += try_s
                if watch.has_ended_it or watch.waited_s >= bound_s:
                    raise CommandError(" ".join(_refusal(connection, watch)))
                watch.waited_s += _pause(connection, watch, least_s=try_s)
        finally:
            connection.lock_timeout_s = None


def _is_done(migrate: Callable[[], Any], watch: Watch) -> bool:
    watch.forget()
    try:
        migrate()
    except OperationalError as error:
        code = getattr(error.__cause__, "sqlstate", None)
        if code in _LOCKED or (watch.has_ended_it and code == _CANCELLED):
            return False
        raise
    return True


def _pause(connection: Any, watch: Watch, least_s: float) -> float:
    """Let those read who have queued, and wait for the holders' end: a try before it would fail. Return the seconds."""
    began_at = time.monotonic()
    until = began_at + min(PAUSE_MAX_S, watch.bound_s - watch.waited_s)
    time.sleep(least_s)
    pids = [holder.pid for holder in watch.holders]
    while time.monotonic() < until and watch.holders & _holders(connection, _PRESENT, pids):
        time.sleep(LOOK_EVERY_S)
    return time.monotonic() - began_at


def _holders(connection: Any, query: str, *values: Any) -> frozenset[Holder]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return frozenset(Holder(*row) for row in cursor.fetchall())


def _refusal(connection: Any, watch: Watch) -> Iterator[str]:
    yield f"A migration waited for a lock, and gave up after {watch.bound_s:g} s."
    yield from map(str, sorted(watch.holders, key=lambda holder: holder.pid))
    yield "Run migrate again once the lock is free: it goes on with this migration."
    with connection.cursor() as cursor:
        cursor.execute(_UNFINISHED)
        if unfinished := ", ".join(name for (name,) in cursor.fetchall()):
            yield f"PostgreSQL doesn't use these unfinished indexes, and the next run makes them again: {unfinished}."
