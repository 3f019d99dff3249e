"""A view's connections and sessions: the next request finds none of what it has left, and has one of its own."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.core.signals import request_finished, request_started
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError, connections, transaction
from django.db.utils import ConnectionHandler
from django.http import HttpResponse
from psycopg.rows import dict_row

from cms.costs import answering
from cms.db.postgresql.errors import ShareBusy
from cms.db.postgresql.share import CONNECTIONS
from cms.http.unavailable import is_away, is_unavailable, mark_away
from tests.faults.engines_of_own import OwnEngines, own_engines

READ_ONLY = "SET default_transaction_read_only = on"
BY_A_FUNCTION = "SELECT set_config('default_transaction_read_only', 'on', false)"
CHANGES = [
    READ_ONLY,
    BY_A_FUNCTION,
    "/* of a view */ set search_path TO information_schema",
    "\n SET SESSION lock_timeout = 1",
    "SET ROLE pg_monitor",
    "SELECT set_config('TimeZone', 'Asia/Tokyo', false)",
    "RESET jit",
    "DO $$ BEGIN SET statement_timeout = 1; END $$",
    "CREATE TEMPORARY TABLE kept AS SELECT 1",
    "PREPARE kept AS SELECT 1",
    "LISTEN anything",
]
NO_CHANGES = [
    "SELECT 'SET ROLE pg_monitor', 'LISTEN'",
    " (select 1)",
    "SET LOCAL statement_timeout = 1000",
    "SET TRANSACTION READ ONLY",
    "SELECT set_config('statement_timeout', '1000', true)",
]


@pytest.fixture(scope="module")
def engines() -> Iterator[OwnEngines]:
    with own_engines() as engines:
        yield engines


@pytest.fixture
def site(
    engines: OwnEngines, django_db_setup: None, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """The connection that Django gives to this thread's requests, over a pool as a site has it.

    What hears of requests asks the other database, which the tests have to have by then.
    """
    given = psycopg.conninfo.conninfo_to_dict(engines.postgres.url)
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    place = {name: given[key] for name, key in names.items() if key in given}
    own = {"ENGINE": "cms.db.postgresql", "OPTIONS": {"pool": {"timeout": 0.1}}, **place}
    wrapper: Any = ConnectionHandler({"default": {}, "own": own})["own"]
    monkeypatch.setattr(answering, "_is_server", False)  # and again afterwards: this process is none
    monkeypatch.setattr(connections, "settings", {**connections.settings, "own": wrapper.settings_dict})
    connections["own"] = wrapper
    with django_db_blocker.unblock():
        yield wrapper
        wrapper.close()
        wrapper.close_pool()
    del connections["own"]


@contextlib.contextmanager
def request() -> Iterator[None]:
    request_started.send(None)
    try:
        yield
    finally:
        request_finished.send(None)


def ask(wrapper: Any, *statements: str) -> None:
    with wrapper.cursor() as cursor:
        for statement in statements or ("SELECT 1",):
            cursor.execute(statement)


def write(wrapper: Any, *before: str) -> None:
    ask(wrapper, *before, "CREATE TABLE IF NOT EXISTS written (at integer)")


@pytest.mark.parametrize("statement", CHANGES)
def test_a_session_that_a_view_has_changed_is_not_used_again(site: Any, statement: str) -> None:
    with request():
        ask(site, statement)
    assert site.pool.stats()["size"] == 0


@pytest.mark.parametrize("statement", NO_CHANGES)
def test_a_session_is_used_again_after_a_change_of_its_transaction(site: Any, statement: str) -> None:
    with request():
        site.set_autocommit(False)
        ask(site, statement)
        site.rollback()
    assert site.pool.stats()["idle"] == 1


def test_a_session_that_was_changed_through_the_driver_is_not_used_again(site: Any) -> None:
    with request():
        ask(site)
        site.connection.read_only = True
    assert site.pool.stats()["size"] == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: setattr(raw, "row_factory", dict_row),
        lambda raw: setattr(raw, "cursor_factory", psycopg.RawCursor),
        lambda raw: raw.execute("SET statement_timeout = 1"),
    ],
    ids=["rows", "cursors", "a statement"],
)
def test_a_driver_that_a_view_has_changed_is_not_used_again(site: Any, change: Callable[[Any], object]) -> None:
    with request():
        ask(site)
        change(site.connection)
    with request():
        ask(site)
        with site.cursor() as cursor:
            cursor.execute("SELECT %s, current_setting('statement_timeout')", ["a"])
            assert cursor.fetchone() == ("a", "0")


@pytest.mark.parametrize("change", [READ_ONLY, BY_A_FUNCTION, "BEGIN READ ONLY"])
def test_a_write_that_its_own_view_has_forbidden_is_no_outage(site: Any, change: str) -> None:
    with request(), pytest.raises(InternalError) as refused:
        write(site, change)
    assert not is_unavailable(refused.value)
    with request():
        write(site)


def test_a_write_to_a_server_that_takes_none_is_an_outage(site: Any, engines: OwnEngines) -> None:
    with psycopg.connect(engines.postgres.url, autocommit=True) as admin:
        name = admin.info.dbname
        admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        with request(), pytest.raises(OperationalError) as refused:
            write(site)
        assert is_unavailable(refused.value)
        admin.execute("SET default_transaction_read_only = off")
        admin.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_block_that_a_view_leaves_open_ends_with_its_request(site: Any, goes_on: bool) -> None:
    """No later request of the thread could connect: it answered 503 until the process ended."""
    with request():
        block = transaction.atomic(using="own")
        block.__enter__()
        ask(site, "CREATE TABLE left_open (at integer)")
        if not goes_on:
            site.close()
    for _ in range(2):
        with request():
            ask(site)
            assert site.get_autocommit()
            with pytest.raises(ProgrammingError):
                ask(site, "SELECT * FROM left_open")


@pytest.mark.parametrize("uses", [0, 1])
def test_a_cursor_that_was_kept_beyond_its_request_does_nothing_on_the_connection_of_another(
    site: Any, uses: int
) -> None:
    with request():
        cursor = site.cursor()
        for _ in range(uses):
            cursor.execute("SELECT 1")
    with request(), pytest.raises(InterfaceError) as refused:
        cursor.execute("SELECT 1")
    mark_away(response := HttpResponse(), refused.value)
    assert not is_away(response)  # it counts for the version whose view that is


def further_one(wrapper: Any) -> Any:
    made = wrapper.copy()
    ask(made)
    return made


@pytest.mark.parametrize("is_first", [True, False])
def test_the_further_connections_of_a_request_leave_others_theirs(site: Any, is_first: bool) -> None:
    with request():
        if is_first:
            ask(site)
        for _ in range(CONNECTIONS):
            further_one(site)
        with pytest.raises(OperationalError) as refused:
            further_one(site)
        assert isinstance(refused.value.__cause__, ShareBusy)
        ask(site)


def test_a_request_ends_without_the_connections_that_its_view_has_kept(site: Any) -> None:
    for _ in range(3):
        with request():
            ask(site)
            kept = [further_one(site) for _ in range(CONNECTIONS)]
        assert all(each.connection is None for each in kept)
        with request():
            ask(kept[0])  # opens again
    assert site.pool.stats()["idle"] == site.pool.stats()["size"]
