"""Files that hold sessions, hidden posts or addresses are made for their owner alone."""

import sqlite3
import stat
from pathlib import Path

import pytest

from cms.environment import PrivateConnection
from cms.importers.report import Report
from tests.databases import process_env
from tests.servers import manage


def modes_in(folder: Path) -> dict[str, str]:
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_new_database_and_a_report_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts" / "a.md").write_text("---\ntitle: A\n---\nText.\n", encoding="utf-8")
    env = process_env(f"sqlite:///{site}/db.sqlite3", MEDIA_ROOT=str(site / "media"))
    commands = (["migrate", "--no-seed"], ["import_content", str(tmp_path / "posts"), "--report", str(site / "report")])
    for command in commands:
        done = manage(*command, env=env)
        assert done.returncode == 0, done.stderr
    modes = modes_in(site)
    assert {"db.sqlite3", "report"} <= modes.keys()
    assert set(modes.values()) == {"0o600"}, modes


def test_the_file_of_a_database_its_companions_and_a_report_are_for_their_owner_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(str(tmp_path / "db.sqlite3"), factory=PrivateConnection)
    connection.executescript("PRAGMA journal_mode=WAL; CREATE TABLE a (b)")
    with Report() as report:
        report.write(tmp_path / "report")
    modes = modes_in(tmp_path)
    connection.close()
    assert modes.keys() == {"db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm", "report"}
    assert set(modes.values()) == {"0o600"}
