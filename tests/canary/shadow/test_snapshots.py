"""The snapshot that a pair reads: of one moment, and read-only."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from canary.shadow.snapshots import read_only_snapshot

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _django_db_marker(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """In the place of pytest-django's own: no transaction around a test, because a snapshot begins one itself."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def own_connection(tmp_path: Path) -> Iterator[BaseDatabaseWrapper]:
    """The tests' SQLite is in memory, where nobody writes while somebody reads; files are another matter."""
    original: Any = connections["default"]
    if original.vendor == "sqlite":
        name = {"NAME": str(tmp_path / "db.sqlite3")}
        connections["default"] = original.__class__({**original.settings_dict, **name}, "default")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE shadow_probe (number integer)")
        cursor.execute("INSERT INTO shadow_probe VALUES (1)")
    yield connections["default"]
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE shadow_probe")
    if original.vendor == "sqlite":
        connection.close()
        connections["default"] = original


def numbers_in(wrapper: Any) -> list[int]:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT number FROM shadow_probe")
        return [number for (number,) in cursor.fetchall()]


def test_all_that_is_read_is_of_one_moment_and_writers_do_not_wait(own_connection: Any) -> None:
    other = own_connection.copy("default")
    try:
        with read_only_snapshot(5.0):
            assert numbers_in(own_connection) == [1]
            with other.cursor() as cursor:
                cursor.execute("UPDATE shadow_probe SET number = 2")
            assert (numbers_in(own_connection), numbers_in(other)) == ([1], [2])
        assert numbers_in(own_connection) == [2]
    finally:
        other.close()


def test_nothing_can_be_written_within_a_snapshot(own_connection: Any) -> None:
    with own_connection.cursor() as cursor:
        for statement in (
            "INSERT INTO shadow_probe VALUES (7)",
            "DELETE FROM shadow_probe",
            "CREATE TABLE t (n integer)",
        ):
            with pytest.raises(DatabaseError, match=r"read-?only"), read_only_snapshot(5.0):
                cursor.execute(statement)
        cursor.execute("INSERT INTO shadow_probe VALUES (7)")
    assert numbers_in(own_connection) == [1, 7]
