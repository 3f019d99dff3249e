"""`make bench`: v1, v2 with and without its cache, plain REST framework and an empty view, in interleaved rounds.

One server process of each on the first core; client, PostgreSQL and Redis on the second. What counts is a ratio within a
round, for whatever else the machine does hits both sides of it; CPU time a request is shown beside it.
"""

import argparse
import json
import os
import statistics
import sys
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.bench.load import Load, measure
from tests.bench.requests_of import PASSWORD, Requests, Samples, endpoints_of
from tests.bench.servers import BenchServer, pinned, running_servers, seeded
from tests.bench.statements import count_statements
from tests.servers import ROOT

RESULTS: Final = ROOT / "build/bench/results.json"
CONNECTIONS: Final = 8
# Hashing a password takes a core for 20 ms whoever asks: more connections would measure the queue.
CONNECTIONS_OF: Final = {"register": 1, "login": 1}
# (endpoint, server, cache) against another, and what the ratio has to be.
TARGETS: Final[dict[tuple[str, str, str], float]] = {
    ("post_get", "v2 warm", "drf"): 8,
    ("post_list", "v2 warm", "drf"): 15,
    ("post_get", "v2 warm", "empty"): 0.5,
    ("post_get", "v2 cold", "drf"): 3,
    ("post_list", "v2 cold", "drf"): 3,
    ("post_get", "v1", "drf"): 1,
    ("post_list", "v1", "drf"): 1,
    ("tag_list", "v1", "drf"): 1,
}
REGISTER_P50_MAX_MS: Final = 50


@dataclass(frozen=True)
class Measured:
    load: Load
    cpu_ms: float
    """Of the server, a request."""


type Round = dict[tuple[str, str], Measured]
"""By endpoint and label of the server."""


def main() -> int:
    options = _options()
    with pinned(sorted(os.sched_getaffinity(0))[-1]), seeded(options.posts, options.rate_limit) as env:
        with running_servers(env) as servers:
            asked = _asked(servers, options.only)
            rounds = [_round(servers, asked, options.seconds, number) for number in range(options.rounds + 1)][1:]
            memory = {label(server): server.memory_mb() for server in servers}
        report = _report(rounds, count_statements(env), memory)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2))
    _print(report)
    return 0 if all(ratio["ok"] for ratio in report["ratios"].values()) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=10_000, metavar="N", help="posts in the database (10000)")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="rounds that count (7)")
    parser.add_argument("--seconds", type=float, default=2, metavar="S", help="of each endpoint in each round (2)")
    parser.add_argument("--only", nargs="*", default=[], metavar="ENDPOINT", help="such as post_get; all by default")
    parser.add_argument("--rate-limit", type=int, default=1_000_000, metavar="N", help="0 counts nothing (1000000)")
    return parser.parse_args()


def label(server: BenchServer) -> str:
    return server.name if server.cache == "none" else f"{server.name} {server.cache}"


def _asked(servers: list[BenchServer], only: list[str]) -> dict[str, dict[str, Requests]]:
    """By endpoint, what each server is asked."""
    base_url = servers[0].server.base_url
    samples, login = Samples(base_url), {"email": "bench@example.org", "password": PASSWORD}
    token = httpx.post(f"{base_url}/api/v2/auth/token", json=login, timeout=60).json()["access_token"]
    asked: dict[str, dict[str, Requests]] = defaultdict(dict)
    for server in servers:
        for endpoint, requests in endpoints_of(server, samples, token).items():
            if not only or endpoint in only:
                asked[endpoint][label(server)] = requests
    return asked


def _round(servers: list[BenchServer], asked: dict[str, dict[str, Requests]], seconds: float, number: int) -> Round:
    """The first round warms up; in each the servers come in another order."""
    turn = number % len(servers)
    in_order = [*servers[turn:], *servers[:turn]]
    return {
        (endpoint, label(server)): _measured(server, requests[label(server)], endpoint, seconds)
        for endpoint, requests in asked.items()
        for server in in_order
        if label(server) in requests
    }


def _measured(server: BenchServer, requests: Requests, endpoint: str, seconds: float) -> Measured:
    if server.cache == "warm" and isinstance(requests, list):  # what was kept in the last round is too old by now
        measure(server.server.port, iter(requests), connections=1, seconds=60)
    before = server.cpu_s()
    connections = CONNECTIONS_OF.get(endpoint, CONNECTIONS)
    load = measure(server.server.port, requests, connections=connections, seconds=seconds)
    return Measured(load, (server.cpu_s() - before) * 1_000 / len(load.latencies_ms))


def _report(rounds: list[Round], statements: dict[tuple[str, str], int], memory: dict[str, float]) -> dict[str, Any]:
    rows = []
    for endpoint, server in rounds[0]:
        measured = [each[endpoint, server] for each in rounds]
        name, _, cache = server.partition(" ")
        rows.append(
            {
                "server": name,
                "endpoint": endpoint,
                "cache": cache or "none",
                "requests_per_s": statistics.median(one.load.requests_per_s for one in measured),
                "cpu_ms": statistics.median(one.cpu_ms for one in measured),
                **{f"p{p}_ms": statistics.median(one.load.percentile_ms(p) for one in measured) for p in (50, 95, 99)},
                "sql": statements.get((endpoint, server)),
                "errors": 0,
            }
        )
    return {"rows": rows, "ratios": _ratios(rounds), "memory_mb": memory}


def _ratios(rounds: list[Round]) -> dict[str, dict[str, Any]]:
    ratios = {}
    for (endpoint, server, other), target in TARGETS.items():
        if (endpoint, server) not in rounds[0]:
            continue
        found = sorted(
            each[endpoint, server].load.requests_per_s / each[endpoint, other].load.requests_per_s for each in rounds
        )
        median = statistics.median(found)
        ratios[f"{endpoint} {server}/{other}"] = {
            "median": median,
            "min": found[0],
            "max": found[-1],
            "target": target,
            "ok": median >= target,
        }
    if ("register", "v2 warm") in rounds[0]:
        p50 = statistics.median(each["register", "v2 warm"].load.percentile_ms(50) for each in rounds)
        ratios["register v2 p50/ms"] = {"median": p50, "target": REGISTER_P50_MAX_MS, "ok": p50 <= REGISTER_P50_MAX_MS}
    return ratios


def _print(report: dict[str, Any]) -> None:
    print(f"{'endpoint':<10} {'server':<8} {'req/s':>7} {'CPU ms':>7} {'p50':>7} {'p95':>7} {'p99':>7} {'SQL':>4}")
    for row in report["rows"]:
        server = row["server"] if row["cache"] == "none" else f"{row['server']} {row['cache']}"
        times = " ".join(f"{row[name]:>7.2f}" for name in ("cpu_ms", "p50_ms", "p95_ms", "p99_ms"))
        sql = "-" if row["sql"] is None else row["sql"]
        print(f"{row['endpoint']:<10} {server:<8} {row['requests_per_s']:>7.0f} {times} {sql:>4}")
    for name, ratio in report["ratios"].items():
        spread = f" ({ratio['min']:.2f}..{ratio['max']:.2f})" if "min" in ratio else ""
        verdict = "ok" if ratio["ok"] else "MISSED"
        print(f"{name:<28} {ratio['median']:>7.2f}{spread}, wanted {ratio['target']:g}: {verdict}")
    print("memory: " + ", ".join(f"{name} {size:.0f} MB" for name, size in report["memory_mb"].items()))


if __name__ == "__main__":
    sys.exit(main())
