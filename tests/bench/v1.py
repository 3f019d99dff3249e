"""`make bench`: v1 against plain REST framework, over the same data, servers and middleware, in interleaved rounds.

One server process of each on the first core; client, PostgreSQL and Redis on the second. What counts is the ratio within
a round, for whatever else the machine does hits both sides of it; CPU time a request is shown beside it.
"""

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import psycopg

from tests.bench.load import requests_per_s
from tests.databases import process_env
from tests.engines import start_engines
from tests.servers import ROOT, Server, manage, serve

APPS: Final = {"v1": "cms.wsgi", "drf": "tests.bench.plain_drf_wsgi"}
RESULTS: Final = ROOT / "build/bench/v1.json"
CONNECTIONS: Final = 8
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


class Measured(NamedTuple):
    requests_per_s: float
    cpu_ms: float
    """Of the server, a request."""


def main() -> int:
    options = _options()
    cores = sorted(os.sched_getaffinity(0))
    server_core, others_core = cores[0], cores[-1]
    with _pinned(others_core), _seeded(options.posts) as env, contextlib.ExitStack() as stack:
        servers = {}
        for name, app in APPS.items():
            with _pinned(server_core):
                servers[name] = stack.enter_context(serve(env, app=app))
        rounds = [_round(servers, options.seconds) for _ in range(options.rounds + 1)][1:]  # the first one warms up
    report = {endpoint: _summary([measured[endpoint] for measured in rounds]) for endpoint in rounds[0]}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2))
    _print(report)
    return 0 if all(row["ratio"] >= 1 for row in report.values()) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=10_000, metavar="N", help="posts in the database (10000)")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="rounds that count (7)")
    parser.add_argument("--seconds", type=float, default=2, metavar="S", help="of each endpoint in each round (2)")
    return parser.parse_args()


@contextlib.contextmanager
def _pinned(core: int) -> Iterator[None]:
    """Processes that are started inside stay on `core`."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def _seeded(posts: int) -> Iterator[dict[str, str]]:
    engines = start_engines()
    if engines.database_url is None:
        sys.exit("No PostgreSQL was found: see CONTRIBUTING.md.")
    with tempfile.TemporaryDirectory() as media:
        env = process_env(engines.database_url, REDIS_URL=engines.redis_url or "", MEDIA_ROOT=media)
        for command in (["migrate", "--verbosity", "0"], ["seed", "--posts", str(posts)]):
            done = manage(*command, env=env, timeout=1_800)
            if done.returncode:
                sys.exit(done.stderr)
        with psycopg.connect(engines.database_url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")  # in service it is autovacuum that does it
        yield env
    engines.stop()


def _round(servers: dict[str, Server], seconds: float) -> dict[str, dict[str, Measured]]:
    paths = _paths(servers["v1"])
    return {
        endpoint: {name: _measured(server, wanted, seconds) for name, server in servers.items()}
        for endpoint, wanted in paths.items()
    }


def _paths(server: Server) -> dict[str, list[str]]:
    listed = httpx.get(f"{server.base_url}/api/v1/posts?limit=100&page=7", timeout=30).json()["data"]["items"]
    return {
        "post_get": [f"/api/v1/posts/{post['id']}" for post in listed],
        "post_list": ["/api/v1/posts"],
        "tag_list": ["/api/v1/tags?limit=100"],
    }


def _measured(server: Server, paths: list[str], seconds: float) -> Measured:
    before = _cpu_s(server)
    rate = requests_per_s(server.port, paths, connections=CONNECTIONS, seconds=seconds)
    return Measured(rate, (_cpu_s(server) - before) * 1_000 / (rate * seconds))


def _cpu_s(server: Server) -> float:
    """Of gunicorn and its worker so far."""
    tree = [server.process.pid, *_children(server.process.pid)]
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in tree]
    return sum(int(field[11]) + int(field[12]) for field in fields) / TICKS_PER_S  # utime and stime, proc(5)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _summary(rounds: list[dict[str, Measured]]) -> dict[str, Any]:
    ratios = sorted(measured["v1"].requests_per_s / measured["drf"].requests_per_s for measured in rounds)
    row: dict[str, Any] = {"ratio": statistics.median(ratios), "ratio_min": ratios[0], "ratio_max": ratios[-1]}
    for name in APPS:
        row[f"{name}_requests_per_s"] = statistics.median(measured[name].requests_per_s for measured in rounds)
        row[f"{name}_cpu_ms"] = statistics.median(measured[name].cpu_ms for measured in rounds)
    return row


def _print(report: dict[str, dict[str, Any]]) -> None:
    print(
        f"{'endpoint':<10} {'v1 req/s':>9} {'DRF req/s':>9} {'v1/DRF':>7} {'spread':>13} {'v1 CPU ms':>9} {'DRF CPU ms':>10}"
    )
    for endpoint, row in report.items():
        spread = f"{row['ratio_min']:.2f}..{row['ratio_max']:.2f}"
        print(
            f"{endpoint:<10} {row['v1_requests_per_s']:>9.0f} {row['drf_requests_per_s']:>9.0f} {row['ratio']:>7.2f}"
            f" {spread:>13} {row['v1_cpu_ms']:>9.2f} {row['drf_cpu_ms']:>10.2f}"
        )


if __name__ == "__main__":
    sys.exit(main())
