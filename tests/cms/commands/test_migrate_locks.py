"""`migrate` beside somebody who holds a table on PostgreSQL: readers go on, and the error names the holder."""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, models
from django.db.migrations import RunPython, SeparateDatabaseAndState
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState

from cms.db.index_operations import AddIndex, RemoveIndex
from cms.management.lock_waits import migrate_in_short_waits
from tests.databases import copied_database, process_env
from tests.servers import commanding, manage

TRY_S = 0.3
SLACK_S = 5
"""For a busy machine. Without the short tries a reader waits for as long as the holder lives."""
of_postgresql = pytest.mark.skipif(os.environ["DATABASE_URL"].startswith("sqlite"), reason="of PostgreSQL")
in_database = pytest.mark.django_db(transaction=True)
type Open = Callable[[], psycopg.Connection[Any]]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Sessions of others, beside a table of our own."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS cms_held")
        cursor.execute("CREATE TABLE cms_held (id integer)")
    params = {**connection.get_connection_params(), "application_name": "a long report"}
    sessions: list[psycopg.Connection[Any]] = []

    def open_one() -> psycopg.Connection[Any]:
        sessions.append(psycopg.connect(**params))
        return sessions[-1]

    yield open_one
    for session in sessions:
        session.close()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE cms_held")


def add_column() -> None:
    with connection.schema_editor() as editor:
        editor.execute("CREATE TABLE cms_half_done (id integer)")
        editor.execute("ALTER TABLE cms_held ADD COLUMN word text")
        editor.execute("DROP TABLE cms_half_done")


def add_index() -> None:
    state = ProjectState()
    state.add_model(ModelState("cms", "held", [("id", models.IntegerField(primary_key=True))]))
    operation = AddIndex("held", models.Index(fields=["id"], name="cms_held_number"))
    after = state.clone()
    operation.state_forwards("cms", after)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("cms", editor, state, after)


def run(migrate: Callable[[], None], *, bound_s: float = 60, say: Callable[[str], Any] = print) -> None:
    migrate_in_short_waits(connection.alias, migrate, try_s=TRY_S, bound_s=bound_s, say=say)


def rows(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


@of_postgresql
@in_database
def test_readers_pass_a_migration_that_waits_and_it_completes_when_the_holder_ends(opened: Open) -> None:
    holder, reader = opened(), opened()
    holder.execute("SELECT FROM cms_held")
    heard = []

    def hear(sentence: str) -> None:
        """While the migration waits: read until it gives up this try, and only then let go."""
        heard.append(sentence)
        reader.execute("SELECT FROM cms_held")
        reader.rollback()
        holder.rollback()

    run(add_column, say=hear)
    assert rows("SELECT word FROM cms_held") == []
    assert len(heard) == 1, heard
    assert f"Process {holder.info.backend_pid} (a long report) holds it in a transaction since 20" in heard[0]


@of_postgresql
@in_database
def test_a_holder_that_stays_is_named_and_nothing_is_half_done(opened: Open) -> None:
    holder = opened()
    holder.execute("SELECT FROM cms_held")
    heard: list[str] = []
    with pytest.raises(CommandError, match=rf"Process {holder.info.backend_pid} \(a long report\)") as error:
        run(add_column, bound_s=TRY_S, say=heard.append)
    assert "SELECT" not in str(error.value)
    assert len(heard) == 1, heard
    assert rows("SELECT to_regclass('cms_half_done')") == [(None,)]
    with pytest.raises(ProgrammingError):
        rows("SELECT word FROM cms_held")


@of_postgresql
@in_database
def test_an_index_that_was_cut_off_is_named_and_made_by_the_next_run(opened: Open) -> None:
    holder, reader = opened(), opened()
    holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    holder.execute("SELECT FROM cms_held")  # as a backup does: an index CONCURRENTLY waits for its end
    reader.autocommit = True

    def write(_: str) -> None:
        reader.execute("INSERT INTO cms_held VALUES (1)")

    with pytest.raises(CommandError, match=rf"Process {holder.info.backend_pid} .*cms_held_number"):
        run(add_index, bound_s=TRY_S, say=write)
    holder.rollback()
    run(add_index)
    assert rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'cms_held_number'::regclass") == [(True,)]


@of_postgresql
@in_database
def test_a_deadlock_is_tried_again() -> None:
    tries = itertools.count(1)

    def lose_once() -> None:
        with connection.schema_editor() as editor:
            if next(tries) == 1:
                editor.execute("DO $$ BEGIN RAISE deadlock_detected; END $$")

    run(lose_once)
    assert next(tries) == 3


def test_migrations_outside_a_transaction_only_do_what_keeps_nobody_waiting() -> None:
    """They have no time-out for locks, and are run again when they were cut off."""
    migrations = MigrationLoader(None).disk_migrations
    outside = [operation for one in migrations.values() if not one.atomic for operation in one.operations]
    assert {type(operation) for operation in outside} <= {AddIndex, RemoveIndex, RunPython, SeparateDatabaseAndState}
    assert {getattr(one.code, "__module__", "") for one in outside if isinstance(one, RunPython)} == {
        AddIndex.__module__
    }
    assert not any(one.database_operations for one in outside if isinstance(one, SeparateDatabaseAndState))


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "soon"])
def test_a_time_that_is_none_is_refused(seconds: str) -> None:
    with pytest.raises(CommandError, match="not a number of seconds"):
        call_command("migrate", f"--lock-wait={seconds}")


@pytest.mark.slow
def test_a_site_is_read_all_the_time_while_migrate_waits_for_an_open_transaction(
    template_of: Callable[[str], str], tmp_path: Path
) -> None:
    with copied_database(template_of("postgresql"), tmp_path) as url, psycopg.connect(url) as holder:
        env, log = process_env(url), tmp_path / "log"
        assert manage("migrate", "cms", "0027", env=env).returncode == 0
        holder.execute("SELECT FROM cms_mediafile")
        with reading(url) as took, commanding("migrate", "--no-seed", "--lock-timeout=1", env=env, log=log) as process:
            until(lambda: f"Process {holder.info.backend_pid} " in log.read_text())
            seen = len(took)
            until(lambda: len(took) > seen + 20)
            holder.rollback()
            assert process.wait(60) == 0, log.read_text()
        assert max(took) < 1 + SLACK_S
        assert "No migrations to apply" in manage("migrate", "--no-seed", env=env).stdout


@contextlib.contextmanager
def reading(url: str) -> Iterator[list[float]]:
    """Read the table all the time in another thread; the seconds that each read took."""
    took: list[float] = []
    over = threading.Event()

    def read() -> None:
        with psycopg.connect(url, autocommit=True) as reader:
            while not over.wait(0.05):
                began_at = time.monotonic()
                reader.execute("SELECT FROM cms_mediafile")
                took.append(time.monotonic() - began_at)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield took
    finally:
        over.set()
        thread.join()


def until(is_so: Callable[[], Any]) -> None:
    end_at = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end_at
        threading.Event().wait(0.05)
