"""A crowd that signs in: few threads check passwords or wait for it, all others go on reading."""

import contextlib
import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from tests.conftest import PASSWORD
from tests.databases import copied_database, process_env
from tests.faults.crowd import Told, is_refusal_in_shape
from tests.servers import Server, manage, serve
from tests.stalls import fair_time, let_pass

THREADS: Final = 8
CROWD: Final = 24
HASH_S: Final = 0.4
"""For so long an old hash keeps a core, twenty times a new one's: who waits for one is seen."""
BURST_S: Final = 1.5
"""After so long a crowd is no burst any more."""
READ_FOR_S: Final = 2.0
TRIES: Final = 3
LONGER_MAX: Final = 5
FROM_DATABASE, FROM_MEMORY = "/api/v1/tags", "/api/v2/categories/tree"
UNLIMITED: Final = dict.fromkeys(("RATE_LIMIT_ANONYMOUS", "RATE_LIMIT_LOGIN"), "0")


@pytest.fixture
def server(template_of: Callable[[str], str], tmp_path: Path) -> Iterator[Server]:
    with copied_database(template_of("sqlite"), tmp_path) as url:
        env = process_env(url, **UNLIMITED)
        account = ("--username", "mia", "--email", "mia@example.org", "--role", "author", "--password-stdin")
        assert manage("users", "create", *account, env=env, input=PASSWORD).returncode == 0
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database, database:
            database.execute("UPDATE cms_user SET password = ?", [_slow_hash()])
        with serve(env, threads=THREADS) as server:
            yield server


def _slow_hash() -> str:
    sample, began = 100_000, time.thread_time()
    hashlib.pbkdf2_hmac("sha256", b"a", b"b", sample)
    iterations = int(sample * HASH_S / (time.thread_time() - began))
    return PBKDF2PasswordHasher().encode(PASSWORD, "a salt of its own", iterations)


def test_reads_go_on_while_a_crowd_signs_in(server: Server) -> None:
    """At most 3 of 8 threads are held, so that a read finds a thread at once and shares the processor alone.

    One hash at a time leaves a read half of one processor at worst, and 24 refusals a second of 2 ms take a twentieth
    of it. So a read takes little more than twice as long. The rest of the limit is for chance.
    """
    figures = []
    for _ in range(TRIES):
        quiet = _figures(server)
        with _signing_in(server) as told:
            let_pass(fair_time() + BURST_S)
            crowded = _figures(server)
        figures.append((crowded, quiet))
        assert {one.status for one in told} == {401, 503}
        assert all(is_refusal_in_shape(one) for one in told if one.status == 503)
        if all(with_crowd <= LONGER_MAX * without for with_crowd, without in zip(crowded, quiet, strict=True)):
            return
    pytest.fail(f"seconds that reads take with the crowd and without it: {figures}")


@contextlib.contextmanager
def _signing_in(server: Server) -> Iterator[list[Told]]:
    """Each of the crowd comes again when it was answered, or when it was told to."""
    stop, told = threading.Event(), list[Told]()

    def go_on() -> None:
        wrong = {"email": "mia@example.org", "password": "a wrong pass-phrase"}
        with httpx.Client(base_url=server.base_url, timeout=60) as http:
            while not stop.is_set():
                began_at = fair_time()
                answer = http.post("/api/v2/auth/token", json=wrong)
                told.append(Told("v2", began_at, fair_time() - began_at, answer))
                stop.wait(float(answer.headers.get("Retry-After", 0)))

    crowd = [threading.Thread(target=go_on) for _ in range(CROWD)]
    for one in crowd:
        one.start()
    try:
        yield told
    finally:
        stop.set()
        for one in crowd:
            one.join()


def _figures(server: Server) -> tuple[float, float, float]:
    """Return the median and the 95th percentile of reads from the database, and the median of those from memory."""
    took_s: dict[str, list[float]] = {FROM_DATABASE: [], FROM_MEMORY: []}
    until = fair_time() + READ_FOR_S
    with httpx.Client(base_url=server.base_url, timeout=60) as http:
        while fair_time() < until:
            for path, times_s in took_s.items():
                began_at = fair_time()
                assert http.get(path).status_code == 200
                times_s.append(fair_time() - began_at)
                time.sleep(0.01)
    by_size = {path: sorted(times_s) for path, times_s in took_s.items()}
    database, memory = by_size[FROM_DATABASE], by_size[FROM_MEMORY]
    return database[len(database) // 2], database[len(database) * 95 // 100], memory[len(memory) // 2]
