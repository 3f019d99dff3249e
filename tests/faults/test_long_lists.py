"""Lists of the longest posts, asked for by many who read slowly: threads and memory stay free for others."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest

from cms import limits
from cms.costs.bodies import PAGE_BYTES_MAX
from cms.text.parsing import HTML_MAX
from tests.databases import copied_database, process_env
from tests.servers import HOST, ROOT, Server, manage, serve

THREADS: Final = 4
SLOW: Final = 12
POSTS: Final = 30
READS: Final = 5
MEBIBYTE: Final = 1024 * 1024
LISTS: Final = ("/api/v1/posts?limit=100", "/api/v2/posts?limit=100", "/api/v2/feed.atom?limit=100")
READS_OF_OTHERS: Final = ("/livez", "/api/v1/tags", "/api/v2/tags", "/api/v1/posts?limit=1", "/api/v2/posts?limit=1")
PAGE_MAX: Final = PAGE_BYTES_MAX
"""The texts of a page, Markdown and HTML. Those of one post are shorter."""
COPIES: Final = 8
"""Of a page at its peak: as text (four, where one character of it takes four bytes), and as JSON or XML (two each)."""
KEPT_BY_CONNECTION: Final = 32 * MEBIBYTE
"""libpq doubles its buffer until the next row fits beside the present one, and keeps it: rows have 6 MB."""
OTHERS_MAX: Final = 64 * MEBIBYTE
"""All else that a process loads for its first answers."""
SEED: Final = """
import datetime
from django.utils import timezone
from cms.models import Post, User
author = User.objects.create(username="mia", email="mia@example.org", role="author")
text = %s
html = text.replace("&", "&amp;")
for number in range(%d):
    Post.objects.create(title="Long", slug=f"long-{number}", content=text, content_html=html, author=author,
        status="published", published_at=timezone.now() - datetime.timedelta(minutes=number + 1))
"""


TEXTS: Final = {
    # What is written: its Python, and the bytes of an answer for one of the page's texts.
    "three bytes a character": (f'"漢" * {limits.CONTENT[1]}', 1.0),
    "escaped twice, one emoji": (f'"\U0001f600" + "&" * {limits.CONTENT[1] - 1}', 9 / 6),
}


def _held_by_proxy() -> int:
    """Return the bytes of an answer that the proxy takes at once, however slowly its client reads."""
    sizes = [
        int(size)
        for path in sorted((ROOT / "deploy").rglob("*.conf"))
        for size in re.findall(r"proxy_max_temp_file_size (\d+)m;", path.read_text())
    ]
    assert len(sizes) > 1
    return min(sizes) * MEBIBYTE


HELD_BY_PROXY: Final = _held_by_proxy()


@dataclass(frozen=True)
class Site:
    server: Server
    growth: float
    """Bytes of an answer for one of its texts."""


@pytest.fixture(params=TEXTS)
def text(request: pytest.FixtureRequest) -> tuple[str, float]:
    return TEXTS[request.param]


@pytest.fixture(params=["postgresql", pytest.param("sqlite", marks=pytest.mark.slow)])
def site(
    request: pytest.FixtureRequest, template_of: Callable[[str], str], tmp_path: Path, text: tuple[str, float]
) -> Iterator[Site]:
    with copied_database(template_of(request.param), tmp_path) as url:
        config = {"GUNICORN_CMD_ARGS": "--config python:cms.gunicorn"}
        env = process_env(url, RATE_LIMIT_ANONYMOUS="0", PUBLIC_CACHE_MB="0", **config)
        assert manage("shell", "--no-imports", "-c", SEED % (text[0], POSTS), env=env).returncode == 0
        with serve(env, threads=THREADS) as server:
            yield Site(server, text[1])


@pytest.fixture
def server(site: Site) -> Server:
    return site.server


def test_slow_readers_of_long_lists_keep_one_thread(server: Server) -> None:
    with httpx.Client(base_url=server.base_url, timeout=120) as others:
        assert {others.get(path).status_code for path in READS_OF_OTHERS} == {200}
        before = _memory(server)
        with _slow_readers(server) as answered:
            for path in READS_OF_OTHERS * READS:
                assert others.get(path).status_code == 200
            assert _peak(server) - before <= THREADS * COPIES * PAGE_MAX + OTHERS_MAX
        # One of them has a long page of v1, and keeps its thread. The others were refused, and those of v2 are answered.
        assert answered == {"200": SLOW - SLOW // len(LISTS) + 1, "503": SLOW // len(LISTS) - 1}
        assert others.get(LISTS[0]).status_code == 200


def test_long_lists_that_were_read_leave_their_memory_to_others(server: Server) -> None:
    """It stayed with the process, and the next picture exceeded the limit of its container."""

    def read_all(number: int) -> set[int]:
        path = f"{LISTS[1]}&published_before=2100-01-01T00:00:{number:02d}Z"
        with httpx.Client(base_url=server.base_url, timeout=120) as client:
            return {client.get(path).status_code for _ in range(READS)}

    assert read_all(0) == {200}
    before = _memory(server)
    with ThreadPoolExecutor(2 * THREADS) as readers:
        assert set().union(*readers.map(read_all, range(2 * THREADS))) == {200}
    assert _memory(server) - before <= THREADS * KEPT_BY_CONNECTION + COPIES * PAGE_MAX + OTHERS_MAX


def test_no_page_of_v2_is_longer_than_what_a_proxy_takes(site: Site) -> None:
    with httpx.Client(base_url=site.server.base_url, timeout=120) as client:
        for path in LISTS[1:]:
            size = len(client.get(path).content)
            assert size <= site.growth * PAGE_MAX + MEBIBYTE
    # JSON writes quotes, backslashes and ends of lines as two characters. The longest post: four bytes a character.
    longest = 4 * limits.CONTENT[1] + HTML_MAX
    assert 2 * max(PAGE_BYTES_MAX, longest) < HELD_BY_PROXY


@contextlib.contextmanager
def _slow_readers(server: Server) -> Iterator[dict[str, int]]:
    """Ask for all lists at once, take as much as a proxy does, and then read no more until the block ends."""
    answered: dict[str, int] = {}
    guard, settled, ended = threading.Lock(), threading.Semaphore(0), threading.Event()

    def read(path: str) -> None:
        with socket.create_connection((HOST, server.port), timeout=120) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            head = connection.recv(65_536)
            taken, status = len(head), head.split()[1].decode()
            while taken < HELD_BY_PROXY and (piece := connection.recv(MEBIBYTE)):
                taken += len(piece)
            with guard:
                answered[status] = answered.get(status, 0) + 1
            settled.release()
            ended.wait()

    readers = [threading.Thread(target=read, args=(LISTS[number % len(LISTS)],)) for number in range(SLOW)]
    for reader in readers:
        reader.start()
    try:
        until = time.monotonic() + 120
        for _ in readers:
            assert settled.acquire(timeout=max(0.0, until - time.monotonic())), answered
        yield answered
    finally:
        ended.set()
        for reader in readers:
            reader.join()


def _memory(server: Server) -> int:
    return _kilobytes(server, "VmRSS")


def _peak(server: Server) -> int:
    return _kilobytes(server, "VmHWM")


def _kilobytes(server: Server, name: str) -> int:
    """Return bytes of its one worker."""
    [worker] = server.workers
    status = Path(f"/proc/{worker}/status").read_text()
    [kilobytes] = re.findall(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
    return int(kilobytes) * 1024
