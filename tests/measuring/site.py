"""Where measurements take place: engines of their own, a seeded database, servers on one core and all else on another."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import psycopg

from tests.databases import process_env
from tests.engines import Engines, start_engines
from tests.servers import HEAP, ROOT, Server, manage, serve

PASSWORD: Final = "a long enough pass-phrase"
WRITER: Final = "writer@example.org"
# Many logins end the oldest of a user's sessions, and the writer goes on with the first.
GUEST: Final = "guest@example.org"
OWN: Final = 40
"""Public posts that are given to the writer, to be edited: more than there are connections, so that no edit waits."""
SEED_TIMEOUT_S: Final = 4 * 3_600
# Two processes of the same code must not differ by the order that their sets have. One heap, as the image has it. And no
# shadow reads: they would ask the servers for more than is asked of them.
ALIKE: Final = {"PYTHONHASHSEED": "0", "CANARY_SHADOW_PERCENTAGE": "0", **HEAP}
COLD: Final = {"PUBLIC_CACHE_MB": "0"}
# Raised and not off: what counting costs is part of an answer.
LIMITS: Final = {
    f"RATE_LIMIT_{name}": "1000000"
    for name in ("ANONYMOUS", "CREDENTIAL", "LOGIN", "REGISTER", "COMMENTS", "OWN_CHANGES")
}
# A commit is on the disk before it is answered, as in service; start_engines() alone leaves that out.
DURABLE: Final = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
PUBLIC: Final = (
    "status = 'published' AND visibility = 'public' AND kind = 'post' AND published_at <= now()"
    " AND (expires_at IS NULL OR expires_at > now())"
)
# Read before anything is pinned: a pinned process sees one core alone.
_CORES: Final = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = _CORES[0]
OTHER_CORE: Final = _CORES[-1]
"""Where client, PostgreSQL and Redis run; the same one on a machine that has no other."""


class SiteError(Exception):
    """A database couldn't be made."""


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
        sys.exit(" ".join(engines.skipped))
    try:
        yield engines
    finally:
        engines.stop()


def postmaster_of(engines: Engines) -> int | None:
    """Return PostgreSQL's first process; None where it was not started here."""
    names = {one.pid: Path(f"/proc/{one.pid}/comm").read_text().strip() for one in engines.processes}
    return next((pid for pid, name in names.items() if name == "postgres"), None)


@contextlib.contextmanager
def site_env(engines: Engines) -> Iterator[dict[str, str]]:
    """The environment of all commands and servers."""
    with tempfile.TemporaryDirectory(prefix="tandem-measured-") as media:
        yield env_of(str(engines.database_url), str(engines.redis_url), media)


def env_of(database_url: str, redis_url: str, media: str) -> dict[str, str]:
    return process_env(database_url, REDIS_URL=redis_url, MEDIA_ROOT=media, **LIMITS)


def run(*command: str, env: Mapping[str, str], cwd: Path = ROOT, typed: str | None = None) -> str:
    done = manage(*command, env=env, cwd=cwd, input=typed, timeout=SEED_TIMEOUT_S)
    if done.returncode:
        raise SiteError(f"manage.py {' '.join(command)[:120]} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def seed(env: Mapping[str, str], posts: int, cwd: Path = ROOT) -> None:
    """Tables, posts, two comments for each, a writer with some of them, a guest, and what autovacuum would have done."""
    run("migrate", "--no-seed", "-v0", env=env, cwd=cwd)
    run("seed", "--posts", str(posts), "--comments", str(2 * posts), env=env, cwd=cwd)
    for name, email in (("writer", WRITER), ("guest", GUEST)):
        words = ("--username", name, "--email", email, "--role", "author", "--password-stdin")
        run("users", "create", *words, env=env, cwd=cwd, typed=PASSWORD)
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as connection:
        own = f"SELECT id FROM cms_post WHERE {PUBLIC} AND slug LIKE 'sample-%%' ORDER BY published_at LIMIT {OWN}"
        writer = "SELECT id FROM cms_user WHERE email = %s"
        connection.execute(f"UPDATE cms_post SET author_id = ({writer}) WHERE id IN ({own})", [WRITER])  # type: ignore[call-overload]
        connection.execute("VACUUM ANALYZE")


@contextlib.contextmanager
def serving(env: Mapping[str, str], app: str = "cms.wsgi", cwd: Path = ROOT) -> Iterator[Server]:
    """One process on the first core; the client that asks it stays on the other one."""
    with contextlib.ExitStack() as stack:
        with pinned(SERVER_CORE):
            server = stack.enter_context(serve({**env, **ALIKE}, app=app, cwd=cwd))
        yield server
