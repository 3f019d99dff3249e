"""`make bench-servers`: the same application under gunicorn (gthread) and granian, in interleaved rounds.

One process with eight threads each, on the first core; a body from memory, a read from the database, and v1. What a restart
costs is another question: `make staging-test` asks it of the image's command.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.bench.load import measure, request
from tests.bench.requests_of import Samples
from tests.bench.servers import OTHER_CORE, SERVER_CORE, BenchServer, pinned, running_engines, seeded
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
REQUESTS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    # What is asked: the path, and the settings it is asked under.
    "v2 from memory": ("/api/v2/posts/{post}", {}),
    "v2 from the database": ("/api/v2/posts/{post}", {"PUBLIC_CACHE_MB": "0"}),
    "v1": ("/api/v1/posts/{post}", {}),
}
CONNECTIONS: Final = 8


@contextlib.contextmanager
def running(name: str, env: Mapping[str, str]) -> Iterator[BenchServer]:
    port = free_port()
    words = [word.format(host=HOST, port=port) for word in COMMANDS[name]]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        # One version alone is asked, by more connections than the bulkhead lets through.
        own_env = clean_environment({"CANARY_BULKHEAD": "1000", **env})
        process = spawn([sys.executable, "-m", *words], log=log, cwd=ROOT, env=own_env)
        server = Server(process, port, log)
        try:
            await_answer(server)
            yield BenchServer(name, "none", server)
        finally:
            server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=10_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--seconds", type=float, default=2.0, metavar="S", help="of each server in a round")
    options = parser.parse_args()
    with pinned(OTHER_CORE), running_engines() as engines, seeded(engines, options.posts) as env:
        print(f"{'asked':<22} {'server':<9} {'req/s':>7} {'CPU ms':>7} {'p50 ms':>7} {'p99 ms':>7} {'MB':>5}")
        for what, (path, settings) in REQUESTS.items():
            with contextlib.ExitStack() as stack:
                with pinned(SERVER_CORE):
                    servers = [stack.enter_context(running(name, {**env, **settings})) for name in COMMANDS]
                _compare(what, path, servers, options)


def _compare(what: str, path: str, servers: list[BenchServer], options: argparse.Namespace) -> None:
    paths = [path.format(post=pk) for pk in Samples.listed(servers[0].server.base_url).post_ids]
    requests = [request("GET", path) for path in paths]
    figures: dict[str, list[tuple[float, float, float, float]]] = {server.name: [] for server in servers}
    for number in range(options.rounds + 1):
        for server in servers if number % 2 else servers[::-1]:
            before = server.cpu_s()
            load = measure(server.server.port, requests, connections=CONNECTIONS, seconds=options.seconds)
            cpu_ms = (server.cpu_s() - before) * 1_000 / len(load.latencies_ms)
            if number:  # the first round warms up
                figures[server.name].append(
                    (load.requests_per_s, cpu_ms, load.percentile_ms(50), load.percentile_ms(99))
                )
    for server in servers:
        per_s, cpu_ms, p50, p99 = (statistics.median(column) for column in zip(*figures[server.name], strict=True))
        print(
            f"{what:<22} {server.name:<9} {per_s:>7.0f} {cpu_ms:>7.2f} {p50:>7.2f} {p99:>7.2f} {server.memory_mb():>5.0f}"
        )


if __name__ == "__main__":
    main()
