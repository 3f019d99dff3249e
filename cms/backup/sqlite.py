"""SQLite: dumped and restored by its online backup, so that servers may go on reading and writing meanwhile."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cms.backup.manifest import Dump, refuse_differences
from cms.backup.refusals import BackupRefused, NothingToBackUp
from cms.environment import make_private_file

PAGES_AT_ONCE = 2_000
BUSY_FOR_S = 20
Advance = Callable[[int], None]


class SqliteDatabase:
    engine = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def dump(self, target: Path, advance: Advance) -> Dump:
        """Copy the database as it is at one moment into the new file `target`."""
        if not self.path.is_file():
            raise NothingToBackUp(f"There is no database at {self.path}.")
        with _open(self.path) as source, _open(target) as copy:
            # A reader's transaction of our own holds the snapshot. Without it every write of others would start the
            # copying again, and the counts would be those of another moment.
            source.execute("BEGIN")
            tables = _counts(source)
            migrations = _migrations(source, tables)
            _copy(source, copy, advance)
            source.rollback()
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        return Dump(sqlite3.sqlite_version, migrations, tables)

    def verify(self, dump_file: Path, dump: Dump, advance: Advance) -> None:
        """Raises BackupRefused unless the dump is sound and has the rows it should have."""
        with _open(dump_file) as copy:
            _refuse_unsound(copy)
            refuse_differences(dump.tables, _counts(copy), "The dump")

    def rows_of(self, tables: tuple[str, ...]) -> int:
        """Return the number of rows in those of the tables that exist; 0 without a database."""
        if not self.path.is_file():
            return 0
        with _open(self.path) as database:
            counts = _counts(database)
        return sum(counts.get(table, 0) for table in tables)

    def restore(self, dump_file: Path, dump: Dump, advance: Advance) -> None:
        """Replace the database's content in one transaction: connections that are open see the old, then the new."""
        with contextlib.ExitStack() as undoing:
            if not self.path.exists():
                undoing.callback(self._remove)
                make_private_file(self.path)
            with _open(dump_file) as source, _open(self.path) as database:
                database.execute("PRAGMA journal_mode=WAL")
                _copy(source, database, advance)
                refuse_differences(dump.tables, _counts(database), "The restored database")
            undoing.pop_all()

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, timeout=BUSY_FOR_S, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, advance: Advance) -> None:
    """Raises BackupRefused when somebody holds the target's lock for too long."""
    done, moved_at = 0, time.monotonic()

    def watch(status: int, remaining: int, total: int) -> None:
        nonlocal done, moved_at
        if total - remaining > done:
            advance(total - remaining - done)
            done, moved_at = total - remaining, time.monotonic()
        elif time.monotonic() - moved_at > BUSY_FOR_S:
            raise BackupRefused(f"The database has been busy for {BUSY_FOR_S} seconds.")

    source.backup(target, pages=PAGES_AT_ONCE, progress=watch, sleep=0.05)


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    # Without virtual tables and their shadows: they are copied page by page with the rest, and derived from it.
    names = connection.execute(
        "SELECT name FROM pragma_table_list"
        " WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    ).fetchall()
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in names}  # noqa: S608


def _migrations(connection: sqlite3.Connection, tables: dict[str, int]) -> list[str]:
    if "django_migrations" not in tables:
        return []
    rows = connection.execute("SELECT app || '.' || name FROM django_migrations ORDER BY app, name")
    return [name for (name,) in rows]


def _refuse_unsound(connection: sqlite3.Connection) -> None:
    # Rows that break a check are `check_content`'s business; a backup keeps what there is.
    connection.execute("PRAGMA ignore_check_constraints=ON")
    [(answer,), *_] = connection.execute("PRAGMA integrity_check(1)").fetchall()
    if answer != "ok":
        raise BackupRefused(f"The database is damaged: {answer}.")
