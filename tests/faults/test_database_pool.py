"""The pool by itself, on a PostgreSQL of its own: busy is not gone, and what was lost is noticed before it is used."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.errors import QueryCanceled

from cms.db.postgresql import base, watch
from cms.db.postgresql.connection import PooledConnection
from cms.db.postgresql.errors import DatabaseUnreachable, PoolBusy, ShareBusy
from cms.db.postgresql.pool import Pool
from cms.db.postgresql.share import CONNECTIONS
from tests.faults.engines_of_own import IMMEDIATE, OwnEngines, own_engines
from tests.stalls import fair_time

type MakePool = Callable[..., Pool]


@pytest.fixture(scope="module")
def engines() -> Iterator[OwnEngines]:
    with own_engines() as engines:
        yield engines


@pytest.fixture
def make_pool(engines: OwnEngines) -> Iterator[MakePool]:
    pools: list[Pool] = []

    def connect() -> PooledConnection:
        connection = PooledConnection.connect(engines.postgres.url, autocommit=True, connect_timeout=2)
        connection.begin()
        return connection

    def make(**options: float) -> Pool:
        pools.append(Pool(connect, **options))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def use(pool: Pool, statement: str = "SELECT 1") -> None:
    connection = pool.take()
    try:
        connection.execute(statement)
    finally:
        pool.put(connection)


def wait_until(is_so: Callable[[], bool], within_s: float = 60) -> float:
    began_at = fair_time()
    while not is_so():
        assert fair_time() - began_at < within_s
        time.sleep(0.01)
    return fair_time() - began_at


def test_a_busy_pool_is_waited_for_and_served_in_order(make_pool: MakePool) -> None:
    pool = make_pool(max_size=2, timeout=10)
    with ThreadPoolExecutor(12) as threads:
        list(threads.map(lambda _: use(pool, "SELECT pg_sleep(0.02)"), range(60)))
    assert pool.stats() == {"size": 2, "idle": 2, "waiting": 0, "max": 2}


def test_who_has_waited_long_enough_is_told_that_the_pool_is_busy(make_pool: MakePool) -> None:
    pool = make_pool(max_size=1, timeout=0.1)
    held = pool.take()
    with pytest.raises(PoolBusy, match="all 1 connections"):
        pool.take()
    pool.put(held)
    use(pool)


@contextlib.contextmanager
def threads_with_connections(pool: Pool, count: int, *, is_shared: bool = True) -> Iterator[list[PooledConnection]]:
    """They live as long as the block, and return nothing when they end."""
    all_there, kept = threading.Barrier(count), list[PooledConnection]()

    def keep(_: int) -> None:
        kept.append(pool.take(is_shared=is_shared))
        all_there.wait(60)

    with ThreadPoolExecutor(count, thread_name_prefix="of-a-view") as executor:
        list(executor.map(keep, range(count)))
        yield kept


def test_threads_of_views_keep_a_few_connections_and_requests_find_the_others(make_pool: MakePool) -> None:
    pool = make_pool(max_size=CONNECTIONS + 2, timeout=0.1)
    with threads_with_connections(pool, CONNECTIONS) as kept:
        with pytest.raises(ShareBusy):
            pool.take(is_shared=True)
        kept.append(pool.take(is_request=True))
        helper = threading.Thread(target=lambda: pool.put(pool.take(is_shared=True)), name="canary-writing")
        helper.start()
        helper.join()
        assert pool.stats()["idle"] == 1
    for connection in kept:
        pool.put(connection)


def test_threads_of_a_command_may_take_all_that_there_are(make_pool: MakePool) -> None:
    pool = make_pool(max_size=CONNECTIONS + 2, timeout=0.1)
    with threads_with_connections(pool, CONNECTIONS + 2, is_shared=False) as kept:
        assert pool.stats()["idle"] == 0
    for connection in kept:
        pool.put(connection)


def test_a_thread_that_has_ended_keeps_no_connection(make_pool: MakePool) -> None:
    """Nothing returns it: Django forgets the connections of a thread that ends, and the pool remembers them."""
    pool = make_pool(max_size=CONNECTIONS)
    with threads_with_connections(pool, CONNECTIONS) as kept:
        pass
    pool.put(pool.take(is_shared=True))
    assert all(connection.closed for connection in kept)
    assert pool.stats()["size"] == 1


def test_a_lost_connection_is_noticed_by_a_look_and_replaced(make_pool: MakePool, engines: OwnEngines) -> None:
    pool = make_pool()
    use(pool)
    [lost] = pool._idle
    engines.terminate_sessions()
    wait_until(lambda: not lost.was_left_alone())
    use(pool)
    assert lost.closed
    assert pool.stats()["size"] == 1


def test_once_the_database_is_gone_nobody_waits_and_once_it_is_back_nobody_is_refused(
    make_pool: MakePool, engines: OwnEngines
) -> None:
    pool = make_pool(max_size=2)
    use(pool)
    engines.postgres.stop(IMMEDIATE)
    refused_in_s = []
    for _ in range(200):
        began_at = time.monotonic()
        with pytest.raises(DatabaseUnreachable):
            pool.take()
        refused_in_s.append(time.monotonic() - began_at)
    engines.postgres.start()
    assert sorted(refused_in_s)[100] < 0.001
    assert wait_until(lambda: pool.breaker.failure is None) < 1
    assert len([thread for thread in threading.enumerate() if thread.name == "database-probe"]) <= 1
    use(pool)
    wait_until(lambda: pool.stats()["size"] == pool.stats()["idle"], within_s=10)  # no failed one has kept its place


def test_those_who_wait_for_a_connection_are_released_when_the_database_goes(
    make_pool: MakePool, engines: OwnEngines
) -> None:
    pool = make_pool(max_size=1, timeout=600)
    held = pool.take()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pool.take)
        wait_until(lambda: pool.stats()["waiting"] == 1)
        engines.postgres.stop()
        pool.put(held)  # a look doesn't tell of all losses: this one is handed on or thrown away
        with pytest.raises((DatabaseUnreachable, psycopg.OperationalError)):
            waiting.result(timeout=60).execute("SELECT 1")
    engines.postgres.start()


def test_a_server_that_takes_no_more_connections_is_not_gone(make_pool: MakePool, engines: OwnEngines) -> None:
    pool = make_pool(timeout=0.2)
    mine = pool.take()
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                stack.enter_context(psycopg.connect(engines.postgres.url))
        with pytest.raises(PoolBusy):
            pool.take()
        assert pool.breaker.failure is None
    pool.put(mine)
    use(pool)


def test_a_statement_of_a_request_ends_when_it_takes_too_long_and_its_connection_is_not_used_again(
    make_pool: MakePool,
) -> None:
    pool = make_pool(statement_timeout=0.3)
    connection = pool.take(is_request=True)
    connection.execute("SELECT 1")
    with pytest.raises(QueryCanceled):
        connection.execute("SELECT pg_sleep(60)")
    pool.put(connection)
    assert pool.stats()["size"] == 0
    use(pool, "SELECT pg_sleep(1)")  # of whoever is no request


def test_a_new_connection_whose_statements_wait_is_given_up_and_tells_of_no_outage(
    engines: OwnEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A router answers the login at once, and lets what comes then wait for as long as it is full."""
    monkeypatch.setattr(base, "OPENING_S", 0.3)
    wrapper: Any = SimpleNamespace(
        get_connection_params=lambda: {"conninfo": engines.postgres.url, "connect_timeout": 2},
        _configure_connection=lambda connection: connection.execute("SELECT pg_sleep(60)"),
    )
    opener = base._Opener(wrapper)
    with contextlib.closing(Pool(opener, login=opener.login, opening=opener.opening)) as pool:
        with pytest.raises(PoolBusy):
            pool.take()
        assert (pool.stats()["size"], pool.breaker.failure, opener.opening) == (0, None, set())


@pytest.mark.slow
def test_the_rows_of_a_cursor_each_have_their_own_time(make_pool: MakePool) -> None:
    pool = make_pool(statement_timeout=3)
    connection = pool.take(is_request=True)
    connection.autocommit = False
    with connection.cursor("rows") as cursor:
        cursor.execute("SELECT pg_sleep(0.8) FROM generate_series(1, 5)")
        assert [len(cursor.fetchmany(1)) for _ in range(5)] == [1] * 5
    pool.put(connection)
    assert pool.stats()["idle"] == 1


@pytest.mark.slow
def test_a_long_statement_is_left_alone_and_one_without_an_answer_is_cut(
    make_pool: MakePool, engines: OwnEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_EVERY_S", 0.05)
    pool = make_pool()
    use(pool, "SELECT pg_sleep(0.5)")
    connection = pool.take()
    with ThreadPoolExecutor(1) as threads, engines.postgres.silent():
        statement = threads.submit(connection.execute, "SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            statement.result(timeout=60)
        assert pool.breaker.is_silent
        pool.put(connection)
    wait_until(lambda: pool.breaker.failure is None)
    use(pool)
