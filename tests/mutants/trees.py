"""Copies of the project in which a fault may be planted, each with a database and a Redis number of its own."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis

from tests.engines import Engines
from tests.servers import manage

ROOT: Final = Path(__file__).resolve().parents[2]
SOUND: Final = "mutants_sound"
TIMEOUT_S: Final = 1_800
GREEN, NOTHING_RAN, HANGS = 0, 5, -1
# It measures the machine, and two copies at work make that slow.
MEASURING: Final = "tests/canary/test_cost.py"
# A machine's choices for other programs; the tests in a copy find the copy's code and engines.
LEFT_OUT: Final = ("COVERAGE_", "PYTEST_", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "TANDEM_")


@dataclass(frozen=True)
class Tree:
    folder: Path
    number: int
    engines: Engines

    @classmethod
    def copied(cls, folder: Path, number: int, engines: Engines) -> "Tree":
        """Copy the tracked files, as they stand, to an empty folder."""
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():  # and not about to be removed
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        return cls(folder, number, engines)

    @property
    def log(self) -> Path:
        return self.folder / "build/mutants.log"

    def test(self, *words: str) -> int:
        """Return pytest's exit code, or HANGS; its output is in `log`."""
        self._renew_stores()
        self.log.parent.mkdir(exist_ok=True)
        options = ["-x", "-q", "--reuse-db", "--randomly-dont-reorganize", "--ignore", MEASURING]
        command = [sys.executable, "-m", "pytest", *options, *words]
        with self.log.open("w") as log:
            try:
                done = subprocess.run(
                    command, cwd=self.folder, env=self._env(), stdout=log, stderr=log, timeout=TIMEOUT_S, check=False
                )
            except subprocess.TimeoutExpired:
                return HANGS
        return done.returncode

    def forget_failures(self) -> None:
        """So that `--last-failed` means those of the next run."""
        shutil.rmtree(self.folder / ".pytest_cache", ignore_errors=True)

    def _env(self) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith(LEFT_OUT)}
        url = _with_database(str(self.engines.database_url), _name_of(self.number))
        return env | {"TEST_DATABASE_URL": url, "TEST_REDIS_URL": self._redis_url}

    @property
    def _redis_url(self) -> str:
        return str(self.engines.redis_url_for(f"gw{self.number}"))

    def _renew_stores(self) -> None:
        """A run that was killed leaves rows behind, and a copy of a migrated database is made in no time."""
        with psycopg.connect(str(self.engines.database_url), autocommit=True) as connection:
            name = f"test_{_name_of(self.number)}"  # pytest-django's
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {SOUND}")
        with redis.Redis.from_url(self._redis_url) as client:
            client.flushdb()


def make_databases(engines: Engines, trees: int) -> None:
    """Make the migrated database that each run gets a copy of, and the empty one of each tree."""
    with psycopg.connect(str(engines.database_url), autocommit=True) as connection:
        for name in (SOUND, *map(_name_of, range(trees))):
            connection.execute(f"CREATE DATABASE {name}")
    env = {"DATABASE_URL": _with_database(str(engines.database_url), SOUND), "SECRET_KEY": "only-for-mutants" * 3}
    migrated = manage("migrate", "--no-seed", "-v0", env=env)
    if migrated.returncode:
        raise RuntimeError(migrated.stderr)


def _name_of(tree: int) -> str:
    return f"mutants_{tree}"


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
