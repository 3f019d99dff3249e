"""PostgreSQL: dumped by pg_dump from an exported snapshot, restored through psql in one transaction."""

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql

from cms.backup.manifest import Dump, refuse_differences
from cms.backup.pg_programs import Programs, complaint, find_programs, run, secretless_conninfo
from cms.backup.refusals import BackupRefused

LOCK_TIMEOUT_S = 30
NAME = rb'(?:"(?:[^"]|"")+"|[^\s".]+)'
COPY = re.compile(rb"COPY (" + NAME + rb"\." + NAME + rb") .*FROM stdin;$")
# The tables of every schema that is not the system's, without those that an extension brings along.
TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname), c.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
    ORDER BY 1
"""
Advance = Callable[[int], None]


class PostgresDatabase:
    """`parameters` are libpq's; `prefixes` begin the names of the tables that are ours to replace."""

    engine = "postgresql"

    def __init__(self, parameters: dict[str, Any], prefixes: tuple[str, ...]) -> None:
        self.parameters = {"connect_timeout": 10, **parameters}
        self.prefixes = prefixes

    def __str__(self) -> str:
        return f"the PostgreSQL database {self.parameters['dbname']}"

    def dump(self, target: Path, advance: Advance) -> Dump:
        """Dump the database as it is at one moment into the new file `target`."""
        with psycopg.connect(**self.parameters) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            # The transaction lives as long as the dump, idle: pg_dump reads what it sees.
            connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            connection.execute("SET LOCAL statement_timeout = 0")
            snapshot = _value(connection, "SELECT pg_export_snapshot()")
            tables = _counts(connection)
            migrations = _migrations(connection)
            programs = find_programs(_major(connection))
            options = ("--format=custom", "--no-owner", "--no-acl", f"--snapshot={snapshot}", f"--file={target}")
            conninfo = secretless_conninfo(self.parameters, target.parent)
            _run_while_growing(programs.command("pg_dump", *options, f"--dbname={conninfo}"), target, advance)
            version = connection.info.parameter_status("server_version") or ""
        return Dump(version.split()[0], migrations, tables, programs.major)

    def verify(self, dump_file: Path, dump: Dump, advance: Advance) -> None:
        """Raises BackupRefused unless all of the dump can be read and has the rows it should have."""
        programs = find_programs(dump.tool_major or 0)
        found: dict[str, int] = {}
        command = programs.command("pg_restore", "--data-only", "--file=-", str(dump_file))
        with _output_of(command) as lines:
            for table in _tables_of_rows(lines):
                found[table] = found.get(table, 0) + 1
                advance(1)
        listing = run(programs.command("pg_restore", "--list", str(dump_file)))
        # A table without rows gave no line; that the dump knows it is in the list.
        empty = {table: 0 for table in dump.tables if f" TABLE DATA {_as_listed(table)} " in listing}
        refuse_differences(dump.tables, empty | found, "The dump")

    def rows_of(self, tables: tuple[str, ...]) -> int:
        """Return the number of rows in those of the tables that exist; 0 without a database."""
        if self._is_absent():
            return 0
        with psycopg.connect(**self.parameters) as connection:
            rows = 0
            for table in tables:
                if _value(connection, "SELECT to_regclass(%s)", table):
                    rows += _value(connection, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
            return rows

    def restore(self, dump_file: Path, dump: Dump, advance: Advance) -> None:
        """Replace the tables in one transaction; a database that is missing is made, and goes again when that fails."""
        with contextlib.ExitStack() as undoing:
            if self._is_absent():
                self._at_maintenance("CREATE DATABASE {}")
                undoing.callback(self._at_maintenance, "DROP DATABASE IF EXISTS {} WITH (FORCE)")
            self._replace(dump_file, dump, dump_file.parent, advance)
            undoing.pop_all()
        # A restored table has no statistics until then; if not here, autovacuum gathers them.
        with contextlib.suppress(psycopg.Error), psycopg.connect(**self.parameters, autocommit=True) as connection:
            connection.execute("ANALYZE")

    def _replace(self, dump_file: Path, dump: Dump, folder: Path, advance: Advance) -> None:
        with psycopg.connect(**self.parameters) as connection:
            major = _major(connection)
            extensions = {name for (name,) in connection.execute("SELECT extname FROM pg_extension")}
            doomed = [
                table for table, name in connection.execute(TABLES) if self._is_ours(name) or table in dump.tables
            ]
        programs = find_programs(max(major, dump.tool_major or 0))
        wanted = folder / "list"
        wanted.write_text(_list_without(extensions, programs, dump_file))
        restore = programs.command("pg_restore", "--clean", "--if-exists", "--no-owner", "--no-acl", "--file=-")
        conninfo = secretless_conninfo(self.parameters, folder)
        psql = programs.command("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={conninfo}")
        with _input_of(psql) as script:
            script.write(_opening(doomed))
            with _output_of([*restore, f"--use-list={wanted}", str(dump_file)]) as lines:
                for line in _fit_for(major, lines):
                    script.write(line)
                    advance(len(line))
            # Only now, when pg_restore has ended well: a script without this end is rolled back.
            script.write(_closing(dump))

    def _is_ours(self, table: str) -> bool:
        return table.startswith(self.prefixes)

    def _is_absent(self) -> bool:
        try:
            psycopg.connect(**self.parameters).close()
        except psycopg.OperationalError:
            with contextlib.suppress(psycopg.Error), self._maintenance() as connection:
                found = "SELECT count(*) FROM pg_database WHERE datname = %s"
                if not _value(connection, found, self.parameters["dbname"]):
                    return True
            raise
        return False

    def _maintenance(self) -> psycopg.Connection[Any]:
        return psycopg.connect(**{**self.parameters, "dbname": "postgres"}, autocommit=True)

    def _at_maintenance(self, statement: str) -> None:
        with self._maintenance() as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(self.parameters["dbname"])))


def _value(connection: psycopg.Connection[Any], query: Any, *values: Any) -> Any:
    row = connection.execute(query, values or None).fetchone()
    assert row is not None
    return row[0]


def _major(connection: psycopg.Connection[Any]) -> int:
    return connection.info.server_version // 10_000


def _counts(connection: psycopg.Connection[Any]) -> dict[str, int]:
    names = connection.execute(TABLES).fetchall()
    # The names come quoted from format().
    return {table: _value(connection, f"SELECT count(*) FROM {table}") for table, _ in names}  # noqa: S608


def _migrations(connection: psycopg.Connection[Any]) -> list[str]:
    if _value(connection, "SELECT to_regclass('django_migrations')") is None:
        return []
    return [
        name for (name,) in connection.execute("SELECT app || '.' || name FROM django_migrations ORDER BY app, name")
    ]


def _as_listed(table: str) -> str:
    """`schema.name` as pg_restore lists it: two words without quotes."""
    schema, name = re.findall(r'"(?:[^"]|"")+"|[^".]+', table)
    return " ".join(part[1:-1].replace('""', '"') if part.startswith('"') else part for part in (schema, name))


def _list_without(extensions: set[str], programs: Programs, dump_file: Path) -> str:
    """The dump's table of contents without what the database has already and its owner often may not drop."""
    listing = run(programs.command("pg_restore", "--list", str(dump_file)))
    kept = []
    for line in listing.splitlines():
        present = re.search(r" EXTENSION - (\S+)", line)
        if re.search(r" COMMENT - (?:EXTENSION|SCHEMA) | SCHEMA - public ", line) or (
            present and present[1] in extensions
        ):
            continue
        kept.append(line)
    return "\n".join(kept) + "\n"


def _fit_for(major: int, lines: Iterable[bytes]) -> Iterator[bytes]:
    """The script without a setting that servers before 17 don't know and a newer pg_restore writes all the same."""
    is_head = True
    for line in lines:
        is_head = is_head and not COPY.match(line)
        if not (is_head and major < 17 and line.startswith(b"SET transaction_timeout")):
            yield line


def _opening(doomed: list[str]) -> bytes:
    # All tables of ours, also those that only a newer migration knows: --clean drops what the dump holds and no more.
    drop = f"DROP TABLE IF EXISTS {', '.join(doomed)} CASCADE;" if doomed else ""
    return f"BEGIN; SET client_min_messages = warning; SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'; {drop}\n".encode()


def _closing(dump: Dump) -> bytes:
    checks = "".join(
        # The names come quoted from format().
        f"IF (SELECT count(*) FROM {table}) <> {rows} "  # noqa: S608
        f"THEN RAISE EXCEPTION 'wrong number of rows in %', $t${table}$t$;"
        " END IF;\n"
        for table, rows in dump.tables.items()
    )
    return f"DO $do$ BEGIN\n{checks}END $do$;\nCOMMIT;\n".encode()


def _tables_of_rows(lines: Iterable[bytes]) -> Iterator[str]:
    """The table's name for each row that a script copies: one line a row, for COPY escapes line ends."""
    table: str | None = None
    for line in lines:
        if table is None:
            if match := COPY.match(line):
                table = match[1].decode()
        elif line == b"\\.\n":
            table = None
        else:
            yield table


def _run_while_growing(command: list[str], target: Path, advance: Advance) -> None:
    """Run a program that writes `target`, telling of each byte."""
    seen = 0
    with _watched(command, stdout=subprocess.DEVNULL) as process:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
            size = target.stat().st_size if target.exists() else 0
            advance(size - seen)
            seen = size
            if process.returncode is not None:
                return


@contextlib.contextmanager
def _output_of(command: list[str]) -> Iterator[IO[bytes]]:
    with _watched(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.stdout


@contextlib.contextmanager
def _input_of(command: list[str]) -> Iterator[IO[bytes]]:
    with _watched(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        # It ends at the first error; what it said of that matters, not that the pipe broke.
        with contextlib.suppress(BrokenPipeError), process.stdin:
            yield process.stdin


@contextlib.contextmanager
def _watched(command: list[str], **streams: int) -> Iterator[subprocess.Popen[bytes]]:
    """A running program, ended with the block; raises BackupRefused with its complaint when it failed."""
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stderr=errors, **streams) as process,  # type: ignore[call-overload]  # noqa: S603
        contextlib.ExitStack() as undoing,
    ):
        undoing.callback(process.kill)
        yield process
        undoing.pop_all()
        if process.wait():
            errors.seek(0)
            raise BackupRefused(complaint(command, process.returncode, errors.read().decode(errors="replace")))
