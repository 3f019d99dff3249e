"""How long each size takes for the same: in rounds that ask all sizes by turns, so that a busy machine hits all alike."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Final

from tests.measuring.client import measure as ask_for
from tests.measuring.processes import family_cpu_s, memory_mb, server_cpu_s
from tests.measuring.site import COLD
from tests.scale.asking import Endpoint, endpoints_of, sign_in
from tests.scale.databases import Say
from tests.servers import Server, serve

LEAST: Final = 10
"""Requests of each round, however long they take: of 7 rounds that makes the 95th percentile the third from above."""
# What is measured is the database's growth: not memory that answers for it, nor reads that nobody asked for.
SETTINGS: Final = {**COLD, "CANARY_SHADOW_PERCENTAGE": "0"}


@dataclass
class Measured:
    """One endpoint at one size."""

    latencies_ms: list[float] = field(default_factory=list)
    server_cpu_s: float = 0
    database_cpu_s: float = 0

    @property
    def p50_ms(self) -> float:
        return median(self.latencies_ms)

    @property
    def p95_ms(self) -> float:
        return quantiles(self.latencies_ms, n=20)[-1]

    @property
    def server_cpu_ms(self) -> float:
        return self.server_cpu_s * 1_000 / len(self.latencies_ms)

    @property
    def database_cpu_ms(self) -> float:
        return self.database_cpu_s * 1_000 / len(self.latencies_ms)


@dataclass
class Site:
    """One size, served by one process."""

    size: int
    database_url: str
    server: Server
    endpoints: list[Endpoint]

    def memory_mb(self) -> float:
        return sum(map(memory_mb, self.server.workers))


@contextmanager
def sites(urls: dict[int, str], env: dict[str, str], say: Say) -> Iterator[list[Site]]:
    with ExitStack() as stack:
        running = []
        for size, url in urls.items():
            server = stack.enter_context(serve({**env, **SETTINGS, "DATABASE_URL": url}))
            say(f"{size:,} posts: served; walking to the 10,000th page")
            endpoints = endpoints_of(server.base_url, url, sign_in(server.base_url))
            running.append(Site(size, url, server, endpoints))
        yield running


def measure(
    running: list[Site], rounds: int, seconds: float, postmaster: int | None, say: Say
) -> dict[tuple[str, int], Measured]:
    """By endpoint and size. The first round only warms up."""
    measured: dict[tuple[str, int], Measured] = {}
    for number in range(rounds + 1):
        turn = number % len(running)
        for place, endpoint in enumerate(running[0].endpoints):
            for site in [*running[turn:], *running[:turn]]:
                into = measured.setdefault((endpoint.name, site.size), Measured()) if number else Measured()
                _ask(site, site.endpoints[place], seconds, postmaster, into)
        say(f"round {number} of {rounds}" if number else "warmed up")
    return measured


def _ask(site: Site, endpoint: Endpoint, seconds: float, postmaster: int | None, into: Measured) -> None:
    port, pid, requests = site.server.port, site.server.process.pid, (call.prepared for call in endpoint.requests)
    ask_for(port, itertools.islice(requests, 1), connections=1, seconds=60)
    server_before, database_before = server_cpu_s(pid), family_cpu_s(postmaster) if postmaster else 0.0
    load = ask_for(port, requests, connections=1, seconds=seconds, least=LEAST)
    into.server_cpu_s += server_cpu_s(pid) - server_before
    into.database_cpu_s += family_cpu_s(postmaster) - database_before if postmaster else 0.0
    into.latencies_ms += load.latencies_ms
