"""Slow clients on a server as `make run` starts it: ordinary reads of both versions go on."""

import random
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.databases import copied_database, process_env
from tests.servers import HOST, ROOT, Server, serve

SLOW: Final = 50
READS: Final = 20
TRIES: Final = 3
PATHS: Final = ("/api/v1/posts", "/api/v2/posts")
READER: Final = b"GET /api/v2/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 12
"""Some 6 MB of answers, more than the sockets hold: a thread waits for the reader."""
KINDS: Final = (
    b"GET /api/v2/posts HTTP/1.1\r\nHost: loc",
    b"POST /api/v2/users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{",
    READER,
)


@pytest.fixture
def server(template_of: Callable[[str], str], tmp_path: Path) -> Iterator[Server]:
    [threads] = re.findall(r"WEB_THREADS=\$\{WEB_THREADS:-(\d+)\}", (ROOT / "scripts/run").read_text())
    with copied_database(template_of("sqlite"), tmp_path) as url:
        env = process_env(url, RATE_LIMIT_ANONYMOUS="0", CANARY_BULKHEAD="0")
        with serve(env, threads=int(threads)) as server:
            yield server


@pytest.mark.slow
def test_reads_go_on_while_fifty_clients_are_slow(server: Server) -> None:
    """Each read finds a thread. It shares the processor with one answer for each slow reader, and waits for no more."""
    drawn = [KINDS[number % len(KINDS)] for number in range(SLOW)]
    random.Random(1).shuffle(drawn)
    shares = 1 + drawn.count(READER)
    with httpx.Client(base_url=server.base_url, timeout=60) as warm, ExitStack() as ending:
        assert {warm.get(path).status_code for path in PATHS} == {200}
        quiet_s = _p95(server)
        for request in drawn:
            connection = ending.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect((HOST, server.port))
            connection.sendall(request)
        figures = [_p95(server) for _ in range(TRIES)]
    assert min(figures) <= shares * quiet_s, (figures, quiet_s)


def _p95(server: Server) -> float:
    """Each read comes on a connection of its own, as that of a new client."""
    took_s = []
    for number in range(READS):
        began = time.perf_counter()
        answer = httpx.get(server.base_url + PATHS[number % 2], timeout=60)
        took_s.append(time.perf_counter() - began)
        assert answer.status_code == 200, answer.text
    return sorted(took_s)[int(0.95 * READS) - 1]
