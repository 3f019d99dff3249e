"""A PostgreSQL and a Redis that nobody else uses, so that a test may stop them, start them again, or make them fall silent."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.engines import (
    Engines,
    _unprivileged_credentials,
    _wait_until,
    postgres_version,
    redis_version,
    start_engines,
)
from tests.servers import Credentials, spawn, stop_process

FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT  # what `pg_ctl stop -m` sends
OF_OTHERS = ("TEST_DATABASE_URL", "TEST_REDIS_URL")


@dataclass
class Engine:
    process: subprocess.Popen[bytes]
    url: str
    cwd: Path
    log: Path
    credentials: Credentials

    def stop(self, how: signal.Signals = FAST) -> None:
        stop_process(self.process, how)

    def start(self) -> None:
        """Again, with the data it had; it answers when this returns."""
        command = [*map(str, self.process.args)]  # type: ignore[arg-type,union-attr]
        self.process = spawn(command, log=self.log, cwd=self.cwd, credentials=self.credentials)
        ask = redis_version if self.url.startswith("unix") else postgres_version
        _wait_until(lambda: ask(self.url), self.process, self.log)

    @contextlib.contextmanager
    def away(self, how: signal.Signals = FAST) -> Iterator[None]:
        """Stopped while the block runs; it answers again when this ends, however it ends."""
        self.stop(how)
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """All of its processes are halted: the kernel still takes connections, and nobody answers."""
        group = [self.process.pid, *_children(self.process.pid)]
        for pid in group:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in group:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


@dataclass
class OwnEngines:
    postgres: Engine
    redis: Engine

    def stop(self) -> None:
        """Those that run by now, which may have been started again since."""
        stop_process(self.postgres.process)
        stop_process(self.redis.process)

    def terminate_sessions(self) -> int:
        """As an administrator, or a pooler between, ends them; how many there were. Returns when they have ended."""
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            rows = connection.execute(
                # Waits up to 5 s for each: a session that is told to end goes on for a moment, and may begin a request in it.
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            ).fetchall()
        return len(rows)

    def kill_a_backend(self) -> None:
        """With SIGKILL, upon which PostgreSQL ends all sessions and recovers."""
        with psycopg.connect(self.postgres.url) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)


@contextlib.contextmanager
def own_engines() -> Iterator[OwnEngines]:
    engines = start_engines({name: value for name, value in os.environ.items() if name not in OF_OTHERS})
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(engines.stop)
        if engines.database_url is None or engines.redis_url is None or engines.directory is None:
            pytest.skip("no PostgreSQL or no Redis was found (REQUIRE_SERVICES=1 makes that a failure)")
        own = OwnEngines(_engine(engines, 0), _engine(engines, 1))
        at_the_end.callback(own.stop)
        with psycopg.connect(own.postgres.url, autocommit=True) as connection:
            connection.execute(
                "ALTER ROLE CURRENT_USER SET synchronous_commit = on"
            )  # what is committed survives a crash
        yield own


def _engine(engines: Engines, number: int) -> Engine:
    assert engines.directory is not None
    url, folder, log, credentials = (
        (engines.database_url, engines.directory / "pg", "postgres.log", _unprivileged_credentials()),
        (engines.redis_url, engines.directory, "redis.log", Credentials()),
    )[number]
    return Engine(engines.processes[number], str(url), folder, engines.directory / log, credentials)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
