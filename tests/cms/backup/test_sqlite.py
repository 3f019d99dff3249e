"""The dump of an SQLite file, while somebody else writes to it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from cms.backup.sqlite import PAGES_AT_ONCE, SqliteDatabase


def test_a_dump_is_of_one_moment_though_somebody_writes_meanwhile(tmp_path: Path) -> None:
    """The pages are more than one turn of the copying takes: the writer comes between two of them."""
    source = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(source, isolation_level=None)) as writer:
        writer.execute("PRAGMA page_size=512")
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("CREATE TABLE note (content BLOB)")
        writer.execute("INSERT INTO note VALUES (zeroblob(?))", [512 * (PAGES_AT_ONCE + 500)])
        written: list[int] = []

        def write(pages: int) -> None:
            written.append(pages)
            writer.execute("INSERT INTO note VALUES ('later')")

        database, target = SqliteDatabase(source), tmp_path / "dump"
        dump = database.dump(target, write)
        assert len(written) > 1
        assert dump.tables == {"note": 1}
        database.verify(target, dump, written.append)
    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("SELECT count(*) FROM note").fetchone() == (1,)
