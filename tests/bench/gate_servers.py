"""The two revisions that the gate compares: each with a database, a Redis database and servers of its own."""

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.bench.calls import Call, Samples, Side
from tests.bench.targets import SIGNED, WORKLOAD
from tests.engines import Engines
from tests.measuring.client import measure
from tests.measuring.processes import backends_of, cpu_s, with_children
from tests.measuring.site import COLD, env_of, postmaster_of, seed, serving
from tests.servers import ROOT, Server

FLOOR: Final = 0.6
"""Of plain REST framework's work. The aim is 0.8, and `make bench` says how far it is met; this is where it ends."""
CONNECTIONS: Final = 2


@dataclass(frozen=True)
class Case:
    side: str
    row: str
    has_floor: bool = False
    """Held against plain REST framework in the same run, and not against the earlier revision."""

    @property
    def name(self) -> str:
        return f"{self.side} {self.row}"

    @property
    def rival(self) -> str:
        return "drf" if self.has_floor else self.side


CASES: Final = (
    Case("v2", WORKLOAD),
    Case("v2 warm", "detail"),
    *(Case("v2 cold", row) for row in ("detail", "list", "include", "tag")),
    *(Case("v2", row) for row in (f"list{SIGNED}", "search")),
    *(Case("v1", row) for row in ("detail", "list")),
    *(Case("v2", row, has_floor=True) for row in ("create", "edit")),
)


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
    """The servers of a revision by side, and what is asked of them."""

    revision: Revision
    servers: Mapping[str, Server]
    sides: Mapping[str, Side]
    _calls: dict[tuple[str, str], Iterator[Call]] = field(default_factory=dict)

    def cost(self, side: str, row: str, count: int) -> float:
        """Return the CPU seconds of the server and its PostgreSQL backends for each of the next `count` requests."""
        server = self.servers[side]
        calls = self._calls.setdefault((side, row), self._endless(side, row))
        prepared = [call.prepared for call in itertools.islice(calls, count)]
        if side == "v2 warm":  # a body that was kept may have ended
            measure(server.port, iter(prepared), connections=1, seconds=60)
        before = self._clocks(server)
        load = measure(server.port, iter(prepared), connections=CONNECTIONS, seconds=60)
        spent = sum(seconds - before.get(pid, 0.0) for pid, seconds in self._clocks(server).items())
        return spent / len(load.latencies_ms)

    def _endless(self, side: str, row: str) -> Iterator[Call]:
        if row == WORKLOAD:
            return self.sides[side].workload()
        return self.sides[side].calls(row.removesuffix(SIGNED), is_signed=SIGNED in row)

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
        Revision(tree, env_of(its_url, str(redis(worker)), media) | {"PYTHONPATH": ""}, pid)
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
    """Plain REST framework, where a case is held against it, comes from this tree."""
    wanted = dict.fromkeys(side for case in cases for side in (case.side, case.rival))
    samples = Samples.of(revision.env["DATABASE_URL"])
    with contextlib.ExitStack() as stack:
        ordinary = stack.enter_context(serving(revision.env, cwd=revision.tree))
        servers = dict.fromkeys(wanted, ordinary)
        if "v2 cold" in wanted:
            servers["v2 cold"] = stack.enter_context(serving({**revision.env, **COLD}, cwd=revision.tree))
        if "drf" in wanted:
            peer = {**revision.env, "BENCH_PEER": "drf"}
            servers["drf"] = stack.enter_context(serving(peer, "tests.bench.peer_wsgi", ROOT))
        sides = {name: Side.signed_in(name.split()[0], samples, server.base_url) for name, server in servers.items()}
        yield Running(revision, servers, sides)
