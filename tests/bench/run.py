"""`make bench`: a workload and each of its endpoints, by v2, plain REST framework and django-ninja, in interleaved rounds.

One process of each on the first core; client, PostgreSQL and Redis on the second. Ratios are taken within a round, for
other work on the machine hits both sides of it. An answer other than a success or a 503 ends the run.
A request that got a 503 is sent again after a second, and its latency counts from the first time.
"""

import argparse
import contextlib
import itertools
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import httpx

from tests.bench.calls import CONNECTIONS, Call, Samples, Side, items_of
from tests.bench.docs import FULL, RESULTS, memory_text, rows_table, targets_table, text_of
from tests.bench.targets import ROWS, SIGNED, WORKLOAD, Measured, Round, judged, rows_of
from tests.measuring.client import Load, UnexpectedAnswer, measure, request
from tests.measuring.machine import description
from tests.measuring.processes import family_cpu_s, memory_mb, server_cpu_s
from tests.measuring.site import (
    COLD,
    DURABLE,
    GUEST,
    OTHER_CORE,
    PASSWORD,
    SERVER_CORE,
    pinned,
    postmaster_of,
    running_engines,
    seed,
    serving,
    site_env,
)
from tests.servers import Server

APPS: Final[Mapping[str, tuple[str, str, dict[str, str]]]] = {
    # Side: whose words it understands, its application, its settings. v1 is asked of the process that has v2.
    "v2": ("v2", "cms.wsgi", {}),
    "v2 cold": ("v2", "cms.wsgi", COLD),
    "drf": ("drf", "tests.bench.peer_wsgi", {"BENCH_PEER": "drf"}),
    "ninja": ("ninja", "tests.bench.peer_wsgi", {"BENCH_PEER": "ninja"}),
    "empty": ("empty", "tests.bench.empty_wsgi", {}),
}
SEARCHES: Final = 2
"""Connections that search: of more at once a process refuses those that would wait too long for their turn."""
LOGINS: Final = 24
LOGINS_S: Final = 3.0
RETRY_AFTER_S: Final = 1.0
"""As the server asks those whom it refuses for want of a place: logins, searches."""


@dataclass(frozen=True)
class Asked:
    server: Server
    side: Side
    workload: Iterator[Call]
    """It goes on from round to round, and every side is asked for the same part of it."""
    is_warm: bool = False


def main() -> int:
    options = _options()
    began, load_before = time.monotonic(), os.getloadavg()[0]
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(pinned(SERVER_CORE if options.one_core else OTHER_CORE))
            engines = stack.enter_context(running_engines(DURABLE))
            env = stack.enter_context(site_env(engines))
            seed(env, options.posts)
            samples = Samples.of(env["DATABASE_URL"])
            servers = {
                name: stack.enter_context(serving({**env, **more}, app)) for name, (_, app, more) in APPS.items()
            }
            asked = _asked(servers, samples)
            _refuse_unequal_work(asked)
            rounds = list(_rounds(asked, options, postmaster_of(engines)))
            stretches = [_stretch(asked["v2"]) for _ in rounds]
            memory = {name: sum(map(memory_mb, server.workers)) for name, server in servers.items()}
            machine = description(engines)
    except (UnexpectedAnswer, ValueError, httpx.HTTPError) as error:
        print(f"The run ended, its figures would mean nothing: {error}", file=sys.stderr)
        return 1
    report: dict[str, Any] = {
        "rows": rows_of(rounds),
        "targets": judged(rounds, stretches),
        "memory_mb": memory,
        "machine": machine,
        "refused": sum(measured.refused for each in rounds for measured in each.values()),
        "run": {name: getattr(options, name) for name in ("posts", "rounds", "seconds", "requests", "one_core")}
        | {"took_s": round(time.monotonic() - began), "load": [load_before, os.getloadavg()[0]]},
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1))
    print(text_of(report), targets_table(report), rows_table(report), memory_text(report), sep="\n\n")
    return 0 if all(target["met"] for target in report["targets"]) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=FULL["posts"], metavar="N", help="posts in the database")
    parser.add_argument("--rounds", type=int, default=FULL["rounds"], metavar="N", help="rounds that count")
    parser.add_argument(
        "--seconds", type=float, default=0.7, metavar="S", help="of each side of an endpoint in a round"
    )
    parser.add_argument("--requests", type=int, default=600, metavar="N", help="of the workload in each round")
    parser.add_argument(
        "--one-core", action="store_true", help="client, PostgreSQL and Redis on the server's core, too"
    )
    parser.add_argument("--only", nargs="*", default=[], metavar="ROW", help="such as detail; all by default")
    return parser.parse_args()


def _asked(servers: Mapping[str, Server], samples: Samples) -> dict[str, Asked]:
    found = {}
    for name, server in servers.items():
        side = Side.signed_in(APPS[name][0], samples, server.base_url)
        found[name] = Asked(server, side, side.workload())
    v2, v1 = found["v2"], Side("v1", samples)
    return found | {"v2 warm": replace(v2, is_warm=True), "v1": Asked(v2.server, v1, v1.workload())}


def _refuse_unequal_work(asked: Mapping[str, Asked]) -> None:
    """Raise ValueError unless lists hold as many entries on every side."""
    for row in ("list", "tags", "include", "tag", "date", "second", "search"):
        found = {}
        for name, one in asked.items():
            if name in ROWS[row]:
                answer = httpx.get(f"{one.server.base_url}{one.side.first(row).path}", timeout=60)
                found[name] = len(items_of(one.side.name, answer.raise_for_status().json()))
        if len(set(found.values())) != 1 or 0 in found.values():
            raise ValueError(f"{row}: the sides answer with different numbers of entries: {found}")


def _rounds(asked: Mapping[str, Asked], options: argparse.Namespace, postmaster: int | None) -> Iterator[Round]:
    """The first one warms up; in each the sides come in another order."""
    rows = {row: sides for row, sides in ROWS.items() if not options.only or row in options.only}
    for number in range(options.rounds + 1):
        found: dict[tuple[str, str], Measured] = {}
        for one in asked.values():
            one.side.sign_in(one.server.base_url)
        for row, sides in rows.items():
            turn = number % len(sides)
            in_turn = {
                side: _measured(asked[side], row, options, postmaster) for side in (*sides[turn:], *sides[:turn])
            }
            found |= {(row, side): in_turn[side] for side in sides}
        if number:
            seen = "; ".join(
                f"{row}, {side}: {one.whole_ms:.2f} ms" for (row, side), one in found.items() if row == WORKLOAD
            )
            print(f"round {number} of {options.rounds}  {seen}", file=sys.stderr, flush=True)
            yield found


def _measured(one: Asked, row: str, options: argparse.Namespace, postmaster: int | None) -> Measured:
    port, connections = one.server.port, SEARCHES if row == "search" else CONNECTIONS
    is_workload = row == WORKLOAD
    calls = one.workload if is_workload else one.side.calls(row.removesuffix(SIGNED), is_signed=SIGNED in row)
    prepared = [call.prepared for call in itertools.islice(calls, options.requests if is_workload else 2_000)]
    try:
        if one.is_warm:  # a body may have ended since the last round
            measure(port, iter(prepared[:100]), connections=1, seconds=60)
        before = server_cpu_s(one.server.process.pid), family_cpu_s(postmaster) if postmaster else 0.0
        seconds = 3_600 if is_workload else options.seconds
        load = measure(port, iter(prepared), connections=connections, seconds=seconds, retry_after_s=RETRY_AFTER_S)
        after = server_cpu_s(one.server.process.pid), family_cpu_s(postmaster) if postmaster else 0.0
    except UnexpectedAnswer as error:
        raise UnexpectedAnswer(f"{row} of {one.side.name}: {error}\n{one.server.log[-3_000:]}") from None
    cpu_ms, database_ms = (
        (end - start) * 1_000 / len(load.latencies_ms) for start, end in zip(before, after, strict=True)
    )
    return Measured(
        load.requests_per_s, cpu_ms, database_ms, load.percentile_ms(50), load.percentile_ms(99), load.refused
    )


def _stretch(v2: Asked) -> float:
    """The p50 of an anonymous read while others log in, over the p50 when nobody does."""
    port, login = v2.server.port, request("POST", "/api/v2/auth/token", {"email": GUEST, "password": PASSWORD})
    reads = [call.prepared for call in itertools.islice(v2.side.calls("detail"), 100)]

    def read() -> Load:
        return measure(port, reads, connections=1, seconds=LOGINS_S / 3)

    read()
    quiet, failed = read(), list[Exception]()

    def log_in() -> None:
        try:
            measure(port, [login], connections=LOGINS, seconds=LOGINS_S, retry_after_s=RETRY_AFTER_S)
        except (OSError, UnexpectedAnswer) as error:
            failed.append(error)

    crowd = threading.Thread(target=log_in)
    crowd.start()
    time.sleep(LOGINS_S / 3)  # until all are under way
    busy = read()
    crowd.join()
    if failed:
        raise UnexpectedAnswer(f"log in: {failed[0]}")
    return statistics.median(busy.latencies_ms) / statistics.median(quiet.latencies_ms)


if __name__ == "__main__":
    sys.exit(main())
