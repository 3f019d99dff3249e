"""Statements that PostgreSQL plans once: what becomes of them when what they read, or the session, changes."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import NotSupportedError, connection, transaction

from cms.db.postgresql.connection import PREPARED_MAX
from cms.db.prepared import fetch_all, with_constants
from tests.databases import process_env
from tests.servers import manage
from tests.session import ENGINES

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(os.environ["DATABASE_URL"].startswith("sqlite"), reason="of PostgreSQL"),
]


def elsewhere(statement: str) -> None:
    """In a session of its own, as a migration runs."""
    with psycopg.connect(**{**connection.get_connection_params(), "autocommit": True}) as other:
        other.execute(statement)


@pytest.fixture
def planned() -> Iterator[str]:
    """A statement whose plan is kept."""
    connection.ensure_connection()
    connection.connection.forget_plans()  # what another test has left
    elsewhere("DROP TABLE IF EXISTS planned")
    elsewhere("CREATE TABLE planned (number integer)")
    elsewhere("INSERT INTO planned VALUES (1), (2)")
    statement = "SELECT * FROM planned WHERE number > %s"
    for _ in range(4):
        assert fetch_all(statement, [1]) == [(2,)]
    assert "FROM planned" in kept_by_server()
    yield statement
    elsewhere("DROP TABLE planned")


def run(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def kept_by_server() -> str:
    return str(run("SELECT string_agg(statement, ';') FROM pg_prepared_statements"))


def test_a_column_that_comes_while_its_plan_is_kept_fails_nobody(planned: str) -> None:
    elsewhere("ALTER TABLE planned ADD COLUMN word text DEFAULT 'new'")
    assert fetch_all(planned, [1]) == [(2, "new")]
    assert "FROM planned" not in kept_by_server()
    for _ in range(4):
        assert fetch_all(planned, [0]) == [(1, "new"), (2, "new")]
    assert "FROM planned" in kept_by_server()


def test_a_transaction_that_met_the_old_plan_fails_and_the_next_statement_after_it_does_not(planned: str) -> None:
    elsewhere("ALTER TABLE planned ADD COLUMN word text DEFAULT 'new'")
    with pytest.raises(NotSupportedError, match="cached plan"), transaction.atomic():
        fetch_all(planned, [1])
    assert fetch_all(planned, [1]) == [(2, "new")]


def test_plans_that_a_router_has_thrown_away_are_made_anew(planned: str) -> None:
    connection.connection.pgconn.exec_(b"DEALLOCATE ALL")
    assert fetch_all(planned, [1]) == [(2,)]


def test_a_plan_is_made_once_and_named_by_its_text(planned: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE '%planned%'"
        )
        [(name, generic, custom)] = cursor.fetchall()
    assert name.startswith("tandem_")
    assert (generic > 0, custom) == (True, 0)


def test_a_statement_that_somebody_else_has_prepared_in_the_session_is_run_all_the_same(planned: str) -> None:
    """Behind a router that knows no statements, a session comes with what another client has left in it."""
    connection.connection._prepared._names.clear()
    for _ in range(2):
        assert "FROM planned" in kept_by_server()
        for _ in range(4):
            assert fetch_all(planned, [1]) == [(2,)]
        assert "FROM planned" not in kept_by_server()
        for _ in range(3):
            assert fetch_all(planned, [1]) == [(2,)]
        connection.connection._prepared._names.clear()


def test_other_statements_in_between_do_not_keep_a_plan_from_being_made(planned: str) -> None:
    connection.connection.forget_plans()
    for _ in range(3):
        for number in range(PREPARED_MAX + 2):
            assert run(f"SELECT {number}") == [(number,)]
        assert fetch_all(planned, [1]) == [(2,)]
    assert "FROM planned" in kept_by_server()


def test_the_first_statement_on_a_lost_connection_is_made_on_another_one(planned: str) -> None:
    connection.close()
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    with psycopg.connect(ENGINES.database_url or "", autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    assert fetch_all(planned, [1]) == [(2,)]


def test_no_plan_is_kept_where_the_router_in_between_knows_none() -> None:
    program = (
        "from cms.db.prepared import fetch_all; from django.db import connection\n"
        "for _ in range(4): assert fetch_all('SELECT %s::text', ['x']) == [('x',)]\n"
        "assert fetch_all('SELECT count(*) FROM pg_prepared_statements', []) == [(0,)]"
    )
    env = process_env(ENGINES.database_url or "", DATABASE_PREPARE="false")
    done = manage("shell", "-v0", "-c", program, env=env)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "value", ["it's 100 % \\'; --", "", 7, True, None], ids=["text", "empty", "number", "yes", "null"]
)
def test_a_constant_written_into_the_text_is_the_value_it_was(value: Any) -> None:
    text, params = with_constants("SELECT %s, 7 %% 4, %s::text", [value, "kept"], lambda param: param != "kept")
    assert params == ("kept",)
    assert text.count("%s") == 1
    assert fetch_all(text, params) == [(value, 3, "kept")]
