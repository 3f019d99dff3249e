"""How long each size takes for the same: in rounds that ask all sizes by turns, so that a busy machine hits all alike."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import psycopg

from tests.scale.asking import Client, Endpoint, endpoints_of, sign_in
from tests.scale.databases import Say
from tests.servers import Server, serve

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
LEAST: Final = 10
"""Requests of each round, however long they take: of 7 rounds that makes the 95th percentile the third from above."""
# What is measured is the database's growth: not memory that answers for it, nor reads that nobody asked for.
SETTINGS: Final = {"PUBLIC_CACHE_MB": "0", "CANARY_SHADOW_PERCENTAGE": "0"}


@dataclass
class Measured:
    """One endpoint at one size."""

    latencies_ms: list[list[float]] = field(default_factory=list)
    """By round."""
    server_cpu_s: float = 0
    database_cpu_s: float = 0

    @property
    def all_ms(self) -> list[float]:
        return sorted(one for each in self.latencies_ms for one in each)

    @property
    def p50_ms(self) -> float:
        return median(self.all_ms)

    @property
    def p95_ms(self) -> float:
        return quantiles(self.all_ms, n=20)[-1]

    @property
    def server_cpu_ms(self) -> float:
        return self.server_cpu_s * 1_000 / len(self.all_ms)

    @property
    def database_cpu_ms(self) -> float:
        return self.database_cpu_s * 1_000 / len(self.all_ms)


@dataclass
class Site:
    """One size, served by one process."""

    size: int
    database_url: str
    server: Server
    token: str
    endpoints: list[Endpoint]

    def server_cpu_s(self) -> float:
        return sum(cpu_s(pid) for pid in self.processes())

    def processes(self) -> list[int]:
        pid = self.server.process.pid
        return [pid, *children_of(pid)]

    def memory_mb(self) -> float:
        """Resident, of the process that answers."""
        return resident_mb(self.processes()[-1])


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1_000_000


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S  # utime and stime, proc(5)


@contextmanager
def sites(urls: dict[int, str], env: dict[str, str], say: Say) -> Iterator[list[Site]]:
    with ExitStack() as stack:
        running = []
        for size, url in urls.items():
            server = stack.enter_context(serve({**env, **SETTINGS, "DATABASE_URL": url}))
            token = sign_in(server.port)
            say(f"{size:,} posts: served; walking to the 10,000th page")
            running.append(Site(size, url, server, token, endpoints_of(server.port, url, token)))
        yield running


def measure(running: list[Site], rounds: int, seconds: float, say: Say) -> dict[tuple[str, int], Measured]:
    """By endpoint and size. The first round only warms up."""
    measured: dict[tuple[str, int], Measured] = {}
    for number in range(rounds + 1):
        turn = number % len(running)
        for place, endpoint in enumerate(running[0].endpoints):
            for site in [*running[turn:], *running[:turn]]:
                into = measured.setdefault((endpoint.name, site.size), Measured()) if number else Measured()
                _ask_for(site, site.endpoints[place], seconds, into)
        say(f"round {number} of {rounds}" if number else "warmed up")
    return measured


def _ask_for(site: Site, endpoint: Endpoint, seconds: float, into: Measured) -> None:
    with (
        closing(Client(site.server.port, site.token if endpoint.is_signed_in else "")) as client,
        psycopg.connect(site.database_url, autocommit=True) as watching,
    ):
        client.ask(next(endpoint.requests))
        server_before, database_before = site.server_cpu_s(), _backends(watching)
        deadline = time.monotonic() + seconds
        latencies: list[float] = []
        while time.monotonic() < deadline or len(latencies) < LEAST:
            asked_at = time.perf_counter()
            client.ask(next(endpoint.requests))
            latencies.append((time.perf_counter() - asked_at) * 1_000)
        into.server_cpu_s += site.server_cpu_s() - server_before
        into.database_cpu_s += _grown(database_before, _backends(watching))
        into.latencies_ms.append(latencies)


def _backends(connection: psycopg.Connection) -> dict[int, float]:
    """The processor time of PostgreSQL's processes that serve this database, but for the one that tells."""
    statement = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return {pid: cpu_s(pid) for (pid,) in connection.execute(statement) if Path(f"/proc/{pid}").exists()}


def _grown(before: dict[int, float], after: dict[int, float]) -> float:
    return sum(spent - before.get(pid, 0.0) for pid, spent in after.items())
