"""`make bench-servers`: the same application under gunicorn (gthread) and granian, in interleaved rounds.

One process with eight threads each; a body from memory, a read from the database, and v1. `make staging-test` asks the
other question, which requests a restart costs.
"""

import argparse
import contextlib
import itertools
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.bench.calls import CONNECTIONS, Samples, Side
from tests.measuring.client import measure
from tests.measuring.processes import memory_mb, server_cpu_s
from tests.measuring.site import ALIKE, COLD, OTHER_CORE, SERVER_CORE, pinned, running_engines, seed, site_env
from tests.servers import HOST, ROOT, Server, await_answer, clean_environment, free_port, spawn

THREADS: Final = "8"
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "gunicorn": (
        *("gunicorn", "cms.wsgi", "--bind", "{host}:{port}", "--no-control-socket", "--worker-class", "gthread"),
        *("--threads", THREADS, "--limit-request-line", "8190"),
    ),
    "granian": (
        *("granian", "cms.wsgi:application", "--interface", "wsgi", "--host", "{host}", "--port", "{port}"),
        *("--workers", "1", "--blocking-threads", THREADS, "--no-ws", "--http", "1"),
    ),
}
ASKED: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    # Whose words, and the settings that it is asked under.
    "v2 from memory": ("v2", {}),
    "v2 from the database": ("v2", COLD),
    "v1": ("v1", {}),
}


@contextlib.contextmanager
def running(name: str, env: Mapping[str, str]) -> Iterator[Server]:
    port = free_port()
    words = [word.format(host=HOST, port=port) for word in COMMANDS[name]]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        # One version alone is asked, by more connections than the bulkhead lets through.
        own_env = clean_environment({"CANARY_BULKHEAD": "1000", **env, **ALIKE})
        with pinned(SERVER_CORE):
            server = Server(spawn([sys.executable, "-m", *words], log=log, cwd=ROOT, env=own_env), port, log)
        try:
            await_answer(server)
            yield server
        finally:
            server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=10_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--seconds", type=float, default=2.0, metavar="S", help="of each server in a round")
    options = parser.parse_args()
    with pinned(OTHER_CORE), running_engines() as engines, site_env(engines) as env:
        seed(env, options.posts)
        samples = Samples.of(env["DATABASE_URL"])
        print(f"{'asked':<22} {'server':<9} {'req/s':>7} {'CPU ms':>7} {'p50 ms':>7} {'p99 ms':>7} {'MB':>5}")
        for what, (words, settings) in ASKED.items():
            with contextlib.ExitStack() as stack:
                servers = {name: stack.enter_context(running(name, {**env, **settings})) for name in COMMANDS}
                _compare(what, Side(words, samples), servers, options)


def _compare(what: str, side: Side, servers: Mapping[str, Server], options: argparse.Namespace) -> None:
    requests = [call.prepared for call in itertools.islice(side.calls("detail"), 100)]
    figures: dict[str, list[tuple[float, ...]]] = {name: [] for name in servers}
    for number in range(options.rounds + 1):
        for name in list(servers) if number % 2 else list(servers)[::-1]:
            pid = servers[name].process.pid
            before = server_cpu_s(pid)
            load = measure(servers[name].port, requests, connections=CONNECTIONS, seconds=options.seconds)
            cpu_ms = (server_cpu_s(pid) - before) * 1_000 / len(load.latencies_ms)
            if number:  # the first round warms up
                figures[name].append((load.requests_per_s, cpu_ms, load.percentile_ms(50), load.percentile_ms(99)))
    for name, rounds in figures.items():
        per_s, cpu_ms, p50, p99 = (statistics.median(column) for column in zip(*rounds, strict=True))
        size = sum(map(memory_mb, servers[name].workers))
        print(f"{what:<22} {name:<9} {per_s:>7.0f} {cpu_ms:>7.2f} {p50:>7.2f} {p99:>7.2f} {size:>5.0f}")


if __name__ == "__main__":
    main()
