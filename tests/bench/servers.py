"""The servers that are measured: one process each on the first core, over the same PostgreSQL and Redis."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.bench.cpu import cpu_s, memory_mb, with_children
from tests.bench.requests_of import GUEST, PASSWORD, WRITER
from tests.databases import process_env
from tests.engines import Engines, start_engines
from tests.servers import HEAP, ROOT, Server, clean_environment, manage, serve

# Two processes of the same code must not differ by the order that their sets have. One heap, as the image has it. And no
# shadow reads: they would ask v1's and the baseline's servers for more than was asked of them, and v2's for nothing.
ALIKE: Final = {"PYTHONHASHSEED": "0", "CANARY_SHADOW_PERCENTAGE": "0", **HEAP}
# A commit is on the disk before it is answered, as in service; start_engines() alone leaves that out.
DURABLE: Final = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


# Read before anything is pinned: whoever is pinned sees one core alone.
_CORES: Final = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = _CORES[0]
OTHER_CORE: Final = _CORES[-1]
"""Where client, PostgreSQL and Redis run; the same one on a machine that has no other."""


@dataclass(frozen=True)
class BenchServer:
    name: str
    """v1, v2, drf or empty."""
    cache: str
    """warm, cold or none."""
    server: Server

    @property
    def port(self) -> int:
        return self.server.port

    def cpu_s(self) -> float:
        """Of gunicorn and its worker so far."""
        return sum(map(cpu_s, with_children(self.server.process.pid)))

    def memory_mb(self) -> float:
        """Of its worker."""
        return sum(map(memory_mb, with_children(self.server.process.pid)[1:]))


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
    with contextlib.ExitStack() as stack:
        with pinned(SERVER_CORE):  # while they start: who asks them stays on the other one
            servers = [
                BenchServer(name, cache, stack.enter_context(serve({**env, **ALIKE, **more}, app=app)))
                for name, cache, app, more in APPS
            ]
        yield servers


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """Processes that are started inside stay on `core`, and so does this one."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def running_engines(postgres_settings: Mapping[str, str] | None = None) -> Iterator[Engines]:
    engines = start_engines(postgres_settings=postgres_settings)
    if engines.database_url is None or engines.redis_url is None:
        sys.exit("No PostgreSQL or no Redis was found: see CONTRIBUTING.md.")
    try:
        yield engines
    finally:
        engines.stop()


def postmaster_of(engines: Engines) -> int | None:
    """PostgreSQL's first process; None where it was not started here."""
    names = {one.pid: Path(f"/proc/{one.pid}/comm").read_text().strip() for one in engines.processes}
    return next((pid for pid, name in names.items() if name == "postgres"), None)


@contextlib.contextmanager
def seeded(engines: Engines, posts: int) -> Iterator[dict[str, str]]:
    """The environment of all servers."""
    with tempfile.TemporaryDirectory() as media:
        env = bench_env(str(engines.database_url), str(engines.redis_url), media)
        seed(env, posts)
        probe("tables", env)
        yield env


def bench_env(database_url: str, redis_url: str, media: str) -> dict[str, str]:
    """Limits are raised and not off: what counting costs is part of an answer."""
    limits = {f"RATE_LIMIT_{name}": "1000000" for name in ("ANONYMOUS", "CREDENTIAL", "LOGIN", "REGISTER", "COMMENTS")}
    return process_env(database_url, REDIS_URL=redis_url, MEDIA_ROOT=media, **limits)


def seed(env: Mapping[str, str], posts: int, cwd: Path = ROOT) -> None:
    people = {"bench": WRITER, "bench_login": GUEST}
    creations = [
        ("users", "create", "--username", name, "--email", email, "--role", "author", "--password-stdin")
        for name, email in people.items()
    ]
    for command in (("migrate", "-v0"), ("seed", "--posts", str(posts)), *creations):
        done = manage(*command, env=env, cwd=cwd, timeout=3_600, input=PASSWORD)
        if done.returncode:
            sys.exit(done.stderr)
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")  # in service it is autovacuum that does it


def probe(word: str, env: Mapping[str, str]) -> Any:
    """What tests/bench/probe.py finds out."""
    command = [sys.executable, "-m", "tests.bench.probe", word]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(env), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])
