"""The servers that are measured: one process each on the first core, over the same PostgreSQL and Redis."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from tests.databases import process_env
from tests.engines import start_engines
from tests.servers import Server, manage, serve

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class BenchServer:
    name: str
    """v1, v2, drf or empty."""
    cache: str
    """warm, cold or none."""
    server: Server

    def cpu_s(self) -> float:
        """Of gunicorn and its worker so far."""
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self._tree()]
        return sum(int(field[11]) + int(field[12]) for field in fields) / TICKS_PER_S  # utime and stime, proc(5)

    def memory_mb(self) -> float:
        pages = (int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._tree())
        return sum(pages) * PAGE_BYTES / 1_000_000

    def _tree(self) -> list[int]:
        pid = self.server.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]


APPS: Final[tuple[tuple[str, str, str, dict[str, str]], ...]] = (
    # name, cache, WSGI application, settings
    ("v1", "none", "cms.wsgi", {}),
    ("v2", "warm", "cms.wsgi", {}),
    ("v2", "cold", "cms.wsgi", {"PUBLIC_CACHE_MB": "0"}),
    ("drf", "none", "tests.bench.plain_drf_wsgi", {}),
    ("empty", "none", "tests.bench.empty_wsgi", {}),
)


@contextlib.contextmanager
def running_servers(env: dict[str, str]) -> Iterator[list[BenchServer]]:
    with contextlib.ExitStack() as stack, pinned(sorted(os.sched_getaffinity(0))[0]):
        yield [
            BenchServer(name, cache, stack.enter_context(serve({**env, **more}, app=app)))
            for name, cache, app, more in APPS
        ]


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """Processes that are started inside stay on `core`."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def seeded(posts: int, rate_limit: int) -> Iterator[dict[str, str]]:
    """The environment of all servers. Limits are raised and not off: what counting costs is part of an answer."""
    engines = start_engines()
    if engines.database_url is None or engines.redis_url is None:
        sys.exit("No PostgreSQL or no Redis was found: see CONTRIBUTING.md.")
    limits = dict.fromkeys(
        (f"RATE_LIMIT_{name}" for name in ("ANONYMOUS", "CREDENTIAL", "LOGIN", "REGISTER")), str(rate_limit)
    )
    with tempfile.TemporaryDirectory() as media:
        env = process_env(engines.database_url, REDIS_URL=engines.redis_url, MEDIA_ROOT=media, **limits)
        create = ("users", "create", "--username", "bench", "--email", "bench@example.org", "--role", "author")
        for command in (("migrate", "-v0"), ("seed", "--posts", str(posts)), (*create, "--password-stdin")):
            done = manage(*command, env=env, timeout=3_600, input="a long enough pass-phrase")
            if done.returncode:
                sys.exit(done.stderr)
        with psycopg.connect(engines.database_url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")  # in service it is autovacuum that does it
        yield env
    engines.stop()
