"""PostgreSQL's own programs: finding the ones that fit the server, and running them without a secret in sight."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from cms.backup.refusals import BackupRefused, one_line

NAMES = ("pg_dump", "pg_restore", "psql")
USUAL_FOLDERS = (
    *("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/local/pgsql/bin"),
    *("opt/homebrew/opt/postgresql@*/bin", "usr/local/opt/postgresql@*/bin"),
)
VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


@dataclass(frozen=True)
class Programs:
    folder: Path
    major: int

    def command(self, name: str, *arguments: str) -> list[str]:
        return [str(self.folder / name), *arguments]


def find_programs(at_least: int) -> Programs:
    """Return programs of major version `at_least`, or of the next newer one. Raises BackupRefused without them.

    The nearest, not the newest: what a newer pg_dump writes, an older server may not read again.
    """
    path = [Path(folder) for folder in os.get_exec_path() if folder]
    usual = [folder for pattern in USUAL_FOLDERS for folder in sorted(Path("/").glob(pattern))]
    found = [programs for folder in (*path, *usual) if (programs := _programs_in(folder))]
    fitting = [programs for programs in found if programs.major >= at_least]
    if not fitting:
        there = ", ".join(sorted({str(programs.major) for programs in found})) or "none"
        raise BackupRefused(
            f"pg_dump, pg_restore and psql of PostgreSQL {at_least} are needed (found: {there}): install the package"
            f" postgresql-client-{at_least}, or put their folder on PATH."
        )
    return min(fitting, key=lambda programs: programs.major)


def run(command: list[str]) -> str:
    """Return the program's output. Raises BackupRefused with its first complaint."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603
    if done.returncode:
        raise BackupRefused(complaint(command, done.returncode, done.stderr))
    return done.stdout


def complaint(command: list[str], code: int, stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if "error" in line.lower()] or stderr.splitlines()
    return f"{Path(command[0]).name} failed: {one_line(lines[0]) if lines else f'it ended with {code}'}."


def secretless_conninfo(parameters: dict[str, Any], folder: Path) -> str:
    """Return a program's connection parameters; a password goes into a file in the private `folder`.

    Other users can read a command line.
    """
    shown = {name: value for name, value in parameters.items() if name not in ("password", "sslpassword")}
    if password := parameters.get("password"):
        passfile = folder / "pgpass"
        passfile.touch(mode=0o600)
        escaped = re.sub(r"([:\\])", r"\\\1", password)
        passfile.write_text(f"*:*:*:*:{escaped}\n")
        shown["passfile"] = str(passfile)
    return make_conninfo(**shown)


def _programs_in(folder: Path) -> Programs | None:
    if not all(os.access(folder / name, os.X_OK) for name in NAMES):
        return None
    try:
        answer = run([str(folder / "pg_dump"), "--version"])
    except (BackupRefused, OSError):
        return None
    match = VERSION.search(answer)
    return Programs(folder, int(match[1])) if match else None
