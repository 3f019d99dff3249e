"""The two revisions that the gate compares: each with a database, a Redis database and two servers of its own."""

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.bench.cpu import backends_of, cpu_s, with_children
from tests.bench.load import measure
from tests.bench.requests_of import Requests, Samples, calls_of, prepared, sign_in
from tests.bench.servers import ALIKE, SERVER_CORE, bench_env, pinned, postmaster_of, seed
from tests.engines import Engines
from tests.servers import Server, serve

# The endpoints of each server; a password's hash would hide all else that a login does.
SIDES: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    # side: version, cache, endpoints
    "v1": ("v1", "none", ("post_get", "post_list", "tag_list", "search", "create", "edit")),
    "v2 warm": ("v2", "warm", ("post_get", "post_list", "tag_list")),
    "v2 cold": ("v2", "cold", ("post_get", "post_list", "tag_list", "search")),
    "v2": ("v2", "warm", ("create", "edit")),
}
CONNECTIONS: Final = 2
COLD: Final = {"PUBLIC_CACHE_MB": "0"}
POSTS_READ: Final = 20

type Case = tuple[str, str]
"""Side and endpoint."""

CASES: Final[tuple[Case, ...]] = tuple((side, endpoint) for side, of in SIDES.items() for endpoint in of[2])


@dataclass(frozen=True)
class Revision:
    """A tree, and the environment of its processes."""

    tree: Path
    env: Mapping[str, str]
    postmaster: int | None
    """None for a PostgreSQL that was not started here: its processes' time is not seen then."""

    @property
    def database(self) -> str:
        return urlsplit(self.env["DATABASE_URL"]).path[1:]


@dataclass(frozen=True)
class Running:
    """The servers of a revision, and what each case asks of them."""

    revision: Revision
    servers: Mapping[str, Server]
    """By side."""
    requests: Mapping[Case, Requests]

    def cost(self, case: Case, count: int) -> float:
        """CPU seconds of the server and its PostgreSQL backends for each of `count` requests."""
        server, requests = self.servers[case[0]], self.requests[case]
        if case[0] == "v2 warm":  # what was kept may be too old by now
            measure(server.port, iter([*requests]), connections=1, seconds=60)
        before = self._clocks(server)
        endless = itertools.cycle(requests) if isinstance(requests, list) else requests
        load = measure(server.port, itertools.islice(endless, count), connections=CONNECTIONS, seconds=60)
        spent = sum(seconds - before.get(pid, 0.0) for pid, seconds in self._clocks(server).items())
        return spent / len(load.latencies_ms)

    def _clocks(self, server: Server) -> dict[int, float]:
        pids = with_children(server.process.pid)
        if self.revision.postmaster is not None:
            pids += backends_of(self.revision.postmaster, self.revision.database)
        return {pid: cpu_s(pid) for pid in pids}


@contextlib.contextmanager
def prepared_revisions(engines: Engines, base: Path, head: Path, posts: int, media: str) -> Iterator[list[Revision]]:
    """Base and head. With the same migrations base gets a copy of head's database, else one that its own code fills."""
    url, redis = str(engines.database_url), engines.redis_url_for
    base_url = urlunsplit(urlsplit(url)._replace(path="/gate_base"))
    pid = postmaster_of(engines)
    revisions = [
        Revision(tree, bench_env(its_url, str(redis(worker)), media) | ALIKE | {"PYTHONPATH": ""}, pid)
        for tree, its_url, worker in ((base, base_url, "gw0"), (head, url, "master"))
    ]
    seed(revisions[1].env, posts, head)
    is_alike = _migrations(base) == _migrations(head)
    with psycopg.connect(urlunsplit(urlsplit(url)._replace(path="/postgres")), autocommit=True) as connection:
        template = f' TEMPLATE "{revisions[1].database}"' if is_alike else ""
        connection.execute(f"CREATE DATABASE gate_base{template}")  # type: ignore[call-overload]
        try:
            if not is_alike:
                print("The migrations differ: base has a database that its own code has filled.", flush=True)
                seed(revisions[0].env, posts, base)
            yield revisions
        finally:
            connection.execute("DROP DATABASE gate_base WITH (FORCE)")


def _migrations(tree: Path) -> dict[str, bytes]:
    found = [path for app in ("cms", "canary") for path in (tree / app / "migrations").glob("*.py")]
    return {str(path.relative_to(tree)): path.read_bytes() for path in found}


@contextlib.contextmanager
def running(revision: Revision, cases: Sequence[Case]) -> Iterator[Running]:
    with contextlib.ExitStack() as stack:
        by_cache: dict[bool, Server] = {}
        with pinned(SERVER_CORE):
            for side in dict.fromkeys(side for side, _ in cases):
                if (is_cold := SIDES[side][1] == "cold") not in by_cache:
                    env = dict(revision.env) | (COLD if is_cold else {})
                    by_cache[is_cold] = stack.enter_context(serve(env, cwd=revision.tree))
        servers = {side: by_cache[SIDES[side][1] == "cold"] for side, _ in cases}
        yield Running(revision, servers, _requests(servers, cases))


def _requests(servers: Mapping[str, Server], cases: Sequence[Case]) -> dict[Case, Requests]:
    samples = Samples.listed(next(iter(servers.values())).base_url)
    samples.post_ids = samples.post_ids[:POSTS_READ]
    calls = {
        side: calls_of(*SIDES[side][:2], samples, sign_in(server.base_url, SIDES[side][0]))
        for side, server in servers.items()
    }
    return {(side, endpoint): prepared(calls[side][endpoint]) for side, endpoint in cases}
