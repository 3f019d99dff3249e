"""`make bench`: v1, v2 with and without its cache, plain REST framework and an empty view, in interleaved rounds.

One server process of each on the first core; client, PostgreSQL and Redis on the second. What counts is a ratio within a
round, for whatever else the machine does hits both sides of it; CPU time a request is shown beside it. Every answer that is
no success ends the run.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.bench.cpu import family_cpu_s
from tests.bench.load import Load, UnexpectedAnswer, measure, measure_paced
from tests.bench.machine import description
from tests.bench.report import write_html
from tests.bench.requests_of import Requests, Samples, calls_of, prepared, refuse_unequal_work, sign_in
from tests.bench.servers import (
    DURABLE,
    OTHER_CORE,
    SERVER_CORE,
    BenchServer,
    pinned,
    postmaster_of,
    probe,
    running_engines,
    running_servers,
    seeded,
)
from tests.bench.tables import print_tables
from tests.bench.targets import LOADED_SHARE, PASSWORDS, READS, SIDES, Measured, Round, ratios, side_of
from tests.servers import ROOT

RESULTS: Final = ROOT / "build/bench/results.json"
CONNECTIONS: Final = 8
# Hashing a password takes a core for 20 ms whoever asks: more connections measure the queue, which stands beside it.
# Few of that queue wait in the server: it refuses the others with 503, and they come again until they succeed.
CONNECTIONS_OF: Final = dict.fromkeys(PASSWORDS, 1)
UNLOADED_SHARE: Final = 0.25
"""Of the time of the loaded measurement."""
PERCENTILES: Final = (50, 95, 99)


@dataclass(frozen=True)
class Asked:
    """One server at one endpoint."""

    endpoint: str
    side: str
    server: BenchServer
    requests: Requests

    @property
    def is_paced(self) -> bool:
        return self.server.name == "v2" and self.endpoint in (*READS, "search")


def main() -> int:
    options = _options()
    began = time.monotonic()
    try:
        with (
            pinned(SERVER_CORE if options.one_core else OTHER_CORE),
            running_engines(DURABLE) as engines,
            seeded(engines, options.posts) as env,
        ):
            canary_us = probe("canary", env)
            create_costs = probe("create", env)
            statements = {(endpoint, side): count for endpoint, side, count in probe("statements", env)}
            with running_servers(env) as servers:
                asked = [one for one in _asked(servers) if not options.only or one.endpoint in options.only]
                rounds = list(_rounds(asked, options, postmaster_of(engines)))
                memory = {f"{one.name} {one.cache}".removesuffix(" none"): one.memory_mb() for one in servers}
            machine = description(engines)
    except (UnexpectedAnswer, ValueError) as error:
        print(f"The run ended, its figures would mean nothing: {error}", file=sys.stderr)
        return 1
    report = _report(rounds, statements, canary_us["entrance"]) | {
        "memory_mb": memory,
        "canary_us": canary_us,
        "create_costs_ms": create_costs,
        "machine": machine,
        "run": {
            "posts": options.posts,
            "rounds": options.rounds,
            "seconds": options.seconds,
            "one_core": options.one_core,
        },
    }
    report["run"]["took_s"] = round(time.monotonic() - began)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2))
    write_html(report, RESULTS.with_name("report.html"))
    print_tables(report)
    return 0 if all(ratio["ok"] for ratio in report["ratios"].values()) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=10_000, metavar="N", help="posts in the database (10000)")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="rounds that count (7)")
    parser.add_argument("--seconds", type=float, default=1.5, metavar="S", help="of each endpoint in each round (1.5)")
    parser.add_argument(
        "--one-core", action="store_true", help="client, PostgreSQL and Redis on the server's core, too"
    )
    parser.add_argument("--only", nargs="*", default=[], metavar="ENDPOINT", help="such as post_get; all by default")
    return parser.parse_args()


def _asked(servers: list[BenchServer]) -> list[Asked]:
    """Endpoint by endpoint, so that the sides of a ratio are measured one right after the other."""
    samples, found = Samples.listed(servers[0].server.base_url), []
    for one in servers:
        base_url, name = one.server.base_url, one.name
        calls = calls_of(name, one.cache, samples, "" if name == "empty" else sign_in(base_url, name))
        if name != "empty":
            refuse_unequal_work(base_url, name, calls)
        found += [
            Asked(endpoint, side_of(name, one.cache, endpoint), one, prepared(each)) for endpoint, each in calls.items()
        ]
    order = [*dict.fromkeys(one.endpoint for one in found)]
    return sorted(found, key=lambda one: order.index(one.endpoint))


def _rounds(asked: list[Asked], options: argparse.Namespace, postmaster: int | None) -> Iterator[Round]:
    """The first one warms up; in each the servers come in another order."""
    for number in range(options.rounds + 1):
        found = {}
        by_endpoint: dict[str, list[Asked]] = {}
        for one in asked:
            by_endpoint.setdefault(one.endpoint, []).append(one)
        for together in by_endpoint.values():
            turn = number % len(together)
            for one in [*together[turn:], *together[:turn]]:
                found[one.endpoint, one.side] = _measured(
                    one, options.seconds if number else options.seconds / 3, postmaster
                )
        if number:
            print(f"round {number} of {options.rounds}", file=sys.stderr, flush=True)
            yield found


def _measured(one: Asked, seconds: float, postmaster: int | None) -> Measured:
    port, requests = one.server.port, one.requests
    connections = CONNECTIONS_OF.get(one.endpoint, CONNECTIONS)
    try:
        if one.server.cache == "warm" and isinstance(
            requests, list
        ):  # what was kept in the last round is too old by now
            measure(port, iter(requests), connections=1, seconds=60)
        unloaded = measure(port, requests, connections=1, seconds=seconds * UNLOADED_SHARE)
        before, database_before = one.server.cpu_s(), family_cpu_s(postmaster) if postmaster else 0.0
        load = measure(port, requests, connections=connections, seconds=seconds)
        answers = len(load.latencies_ms)
        cpu_ms = (one.server.cpu_s() - before) * 1_000 / answers
        database_ms = (family_cpu_s(postmaster) - database_before) * 1_000 / answers if postmaster else None
        paced = queued = None
        if connections < CONNECTIONS and one.server.name != "drf":
            queued = measure(port, requests, connections=CONNECTIONS, seconds=seconds, is_patient=True)
        if one.is_paced and isinstance(requests, list):
            rate = load.requests_per_s * LOADED_SHARE
            paced = measure_paced(port, requests, requests_per_s=rate, seconds=seconds)
    except UnexpectedAnswer as error:
        raise UnexpectedAnswer(f"{one.endpoint} of {one.side}: {error}\n{one.server.server.log[-3_000:]}") from None
    return Measured(load, cpu_ms, unloaded, paced, database_ms, queued)


def _report(rounds: list[Round], statements: dict[tuple[str, str], float], canary_us: float) -> dict[str, Any]:
    rows, unloaded, paced, database = [], [], [], []
    order = [*dict.fromkeys(endpoint for endpoint, _ in rounds[0])]
    for endpoint, side in sorted(rounds[0], key=lambda key: (order.index(key[0]), SIDES.index(key[1]))):
        measured = [each[endpoint, side] for each in rounds]
        server, _, cache = side.partition(" ")
        head = {"server": server, "endpoint": endpoint, "cache": cache or "none"}
        load, sql = _medians([one.load for one in measured]), statements.get((endpoint, side))
        cpu = {"cpu_ms": statistics.median(one.cpu_ms for one in measured)}
        rows.append(head | load | cpu | {"sql": sql, "errors": 0})
        if costs := [one.database_cpu_ms for one in measured if one.database_cpu_ms is not None]:
            database.append(head | {"cpu_ms": statistics.median(costs)})
        unloaded.append(head | _medians([one.unloaded for one in measured]))
        if at_pace := [one.paced for one in measured if one.paced is not None]:
            paced.append(head | _medians(at_pace))
    found = {"rows": rows, "ratios": ratios(rounds, canary_us), "unloaded": unloaded, "at_80_percent": paced}
    return found | {"database": database}


def _medians(loads: list[Load]) -> dict[str, Any]:
    rate = {"requests_per_s": statistics.median(load.requests_per_s for load in loads)}
    return rate | {f"p{each}_ms": statistics.median(load.percentile_ms(each) for load in loads) for each in PERCENTILES}


if __name__ == "__main__":
    sys.exit(main())
