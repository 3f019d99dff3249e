"""The wait ends at its deadline whatever is waited for; what hangs is given up, and after too much of it nothing is run."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from asgiref.local import Local
from django.db import connection, connections

from canary.shadow import watchdog as watchdogs
from canary.shadow.snapshots import read_only_snapshot
from canary.shadow.watchdog import GRACE_S, LOST_MAX, OverdueError, StoppedError, Watchdog
from tests.databases import process_env
from tests.servers import manage
from tests.stalls import fair_time

DEADLINE_S = 0.3
HANG_S = 60.0
"""Bounds a test whose watchdog fails."""


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    watchdog = Watchdog("a-test")
    yield watchdog
    watchdog.rest()


@contextmanager
def dozing() -> Iterator[Callable[[], None]]:
    """A function that hangs in C, where no exception reaches it, until the block ends."""
    awake = threading.Event()
    lock = threading.Lock()
    lock.acquire()

    def doze() -> None:
        lock.acquire(timeout=HANG_S)
        awake.set()

    try:
        yield doze
    finally:
        lock.release()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def spin() -> None:
    end = time.monotonic() + HANG_S
    while time.monotonic() < end:
        try:
            sum(range(1_000))
        except Exception:
            continue


def overdue(watchdog: Watchdog, work: Callable[[], None]) -> tuple[bool, float]:
    """Whether the thread was lost, and how long the wait took."""
    began = fair_time()
    with pytest.raises(OverdueError) as raised:
        watchdog.run(work, DEADLINE_S)
    return raised.value.is_lost, fair_time() - began


def test_a_function_that_is_quick_gives_its_value_or_its_error(watchdog: Watchdog) -> None:
    assert watchdog.run(lambda: 7, DEADLINE_S) == 7
    with pytest.raises(ZeroDivisionError):
        watchdog.run(lambda: 1 / 0, DEADLINE_S)


def test_one_thread_runs_one_after_the_other(watchdog: Watchdog) -> None:
    assert len({watchdog.run(threading.get_ident, HANG_S) for _ in range(5)} - {threading.get_ident()}) == 1


def test_one_that_spins_ends_at_the_deadline_though_it_survives_every_exception(
    watchdog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdogs, "GRACE_S", HANG_S)  # a busy machine may not let it run for a fifth of a second
    is_lost, took_s = overdue(watchdog, spin)
    assert (is_lost, watchdog.lost) == (False, 0)
    assert took_s < 10 * DEADLINE_S
    assert watchdog.run(lambda: 7, HANG_S) == 7


def test_one_that_is_late_leaves_no_lock_taken_that_requests_wait_for(watchdog: Watchdog) -> None:
    """It gets such a lock, as Django's of the URLconf, only after its deadline."""
    shared, is_held, is_read = Local(), threading.Event(), threading.Event()

    def hold() -> None:
        with shared._lock:
            is_held.set()
            eventually(lambda: is_read.is_set() and watchdog._worker is None)  # it is given up
            time.sleep(GRACE_S / 4)  # until the watchdog has done what it does

    def read() -> None:
        is_read.set()
        getattr(shared, "value", None)

    holder, other = threading.Thread(target=hold), threading.Thread(target=read, daemon=True)
    holder.start()
    is_held.wait(HANG_S)
    overdue(watchdog, read)
    holder.join()
    other.start()
    other.join(HANG_S)
    assert not other.is_alive()


def test_one_that_hangs_in_c_is_given_up_and_another_thread_takes_its_place(watchdog: Watchdog) -> None:
    with dozing() as doze:
        is_lost, took_s = overdue(watchdog, doze)
        assert (is_lost, watchdog.lost) == (True, 1)
        assert took_s < 10 * DEADLINE_S
        assert watchdog.run(lambda: 7, HANG_S) == 7
    eventually(lambda: watchdog.lost == 0)


def test_with_too_many_lost_nothing_is_run_until_they_end(watchdog: Watchdog) -> None:
    with dozing() as doze, dozing() as another:
        for work in (doze, another)[:LOST_MAX]:
            overdue(watchdog, work)
        with pytest.raises(StoppedError):
            watchdog.run(lambda: 7, HANG_S)
    eventually(lambda: watchdog.lost == 0)
    assert watchdog.run(lambda: 7, HANG_S) == 7


@pytest.mark.django_db(transaction=True)
def test_its_connection_is_its_own_and_none_of_the_pool(watchdog: Watchdog) -> None:
    def look() -> tuple[bool, bool]:
        connection.ensure_connection()
        return connections["default"].connection is not None, getattr(connections["default"], "pool", None) is None

    connection.ensure_connection()
    before = connections["default"].connection
    assert watchdog.run(look, HANG_S) == (True, True)
    assert connections["default"].connection is before


@pytest.mark.django_db(transaction=True)
def test_what_a_lost_thread_held_of_the_database_is_taken_from_it(watchdog: Watchdog) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("Only a server tells of its sessions.")
    with dozing() as doze:

        def read_and_doze() -> None:
            with read_only_snapshot(HANG_S), connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                doze()

        assert overdue(watchdog, read_and_doze)[0]
        eventually(lambda: not idle_transactions())
    eventually(lambda: watchdog.lost == 0)


def idle_transactions() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"
        )
        return int(cursor.fetchone()[0])


LATE_STATEMENT = """
import sqlite3
from contextlib import closing
from django.db import connections
from canary.shadow.watchdog import OverdueError, Watchdog

LONG = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 1000000000) SELECT count(*) FROM t"

def work():
    connections["default"].ensure_connection()
    raw = connections["default"].connection
    # As a snapshot does. One in C stands for a thread that gets no processor: the exception does not reach either.
    raw.set_progress_handler(int, 1_000)
    raw.execute(LONG).fetchall()

for _ in range(2):
    watchdog = Watchdog("late")
    try:
        watchdog.run(work, 0.2)
    except OverdueError as overdue:
        assert overdue.is_lost
    while watchdog.lost:
        pass
print("alive")
"""


def test_a_statement_that_runs_late_on_sqlite_ends_and_the_process_lives(tmp_path: Path) -> None:
    done = manage("shell", "--no-imports", "-c", LATE_STATEMENT, env=process_env(f"sqlite:///{tmp_path}/db.sqlite3"))
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr
