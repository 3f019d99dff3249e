"""`backup` and `restore` without a database, its tables or its programs; and what they keep to themselves."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.core.management import execute_from_command_line

from tests.cms.commands.typed import PATH, file_of, refusal, run
from tests.databases import new_database, process_env
from tests.engines import _wheel_postgres
from tests.servers import manage
from tests.session import ENGINES


@pytest.mark.slow
def test_a_password_is_neither_on_a_command_line_nor_in_what_is_printed(tmp_path: Path) -> None:
    """A stand-in for pg_dump writes down what it was started with; the server here asks for no password."""
    with new_database("postgresql", tmp_path) as url:
        parts = urlsplit(url)
        with_password = urlunsplit(parts._replace(netloc=f"{parts.username}:s3cret%3Aword@"))
        real = Path(shutil.which("pg_dump", path=os.pathsep.join(map(str, _programs()))) or "")
        (tmp_path / "bin").mkdir()
        for name in ("pg_restore", "psql"):
            (tmp_path / "bin" / name).symlink_to(real.parent / name)
        spy = tmp_path / "bin" / "pg_dump"
        spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {tmp_path}/seen\nenv >> {tmp_path}/seen\nexec {real} "$@"\n')
        spy.chmod(0o755)
        env = process_env(with_password, PATH=f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
        run("migrate", env=env)
        printed = run("backup", str(tmp_path / "site.backup"), env=env)
    seen = (tmp_path / "seen").read_text()
    assert "passfile=" in seen
    without_url = "\n".join(line for line in seen.splitlines() if not line.startswith("DATABASE_URL="))
    assert "s3cret" not in without_url + printed


def test_without_postgresqls_programs_the_sentence_names_the_package(tmp_path: Path) -> None:
    with new_database("postgresql", tmp_path) as url:
        code = (
            "from cms.backup import pg_programs; pg_programs.USUAL_FOLDERS = ();"
            "from django.core.management import call_command;"
            f"call_command('backup', '{tmp_path / 'x'}')"
        )
        done = manage("shell", "-c", code, env=process_env(url, PATH=str(tmp_path)))
    assert "postgresql-client-" in done.stderr.splitlines()[-1]


def test_a_backup_without_a_database_is_refused(tmp_path: Path) -> None:
    sentence = refusal("backup", str(tmp_path / "x"), env=process_env(f"sqlite:///{tmp_path / 'missing.sqlite3'}"))
    assert "There is no database" in sentence
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_database_without_tables_is_refused_and_migrate_goes_on_without_a_backup(engine: str, tmp_path: Path) -> None:
    """Any command makes an empty SQLite file of a mistyped name: a verified backup of nothing would be no help."""
    with new_database(engine, tmp_path) as url:
        env = process_env(url, PATH=PATH)
        if engine == "sqlite":
            file_of(url).touch()
        assert "has no tables" in refusal("backup", str(tmp_path / "x"), env=env)
        assert "no backup was made" in run("migrate", "--no-seed", "--backup", str(tmp_path / "x"), env=env)
        assert "verified" in run("backup", str(tmp_path / "x"), env=env)


@pytest.mark.slow
def test_a_damaged_sqlite_file_is_not_backed_up(tmp_path: Path) -> None:
    with new_database("sqlite", tmp_path) as url:
        run("migrate", "--no-seed", env=process_env(url))
        path = tmp_path / "db.sqlite3"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
        content = bytearray(path.read_bytes())
        content[4096 * 3 : 4096 * 12] = bytes(4096 * 9)
        path.write_bytes(content)
        refusal("backup", str(tmp_path / "x"), env=process_env(url))
        assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("arguments", [["backup"], ["restore"], ["backup", "a", "b"], ["restore", "a", "--nonsense"]])
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        execute_from_command_line(["manage.py", *arguments])
    assert ended.value.code == 2
    assert f"usage: manage.py {arguments[0]}" in capsys.readouterr().err


def _programs() -> list[Any]:
    """Where the programs of the running server's version are: older ones can't read it."""
    version = (ENGINES.postgres_version or "PostgreSQL 0").split()[1]
    usual = Path("/usr/lib/postgresql") / version.partition(".")[0] / "bin"
    return [usual, *_wheel_postgres(), *os.environ["PATH"].split(os.pathsep)]
