"""The shipped configuration in a real nginx: slow clients wait there, no log holds a token, refusals are problems."""

import datetime
import json
import random
import re
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from django.utils.http import MAX_URL_REDIRECT_LENGTH

from canary.requests.headers import ADDRESS_MAX
from cms import limits
from cms.readiness.proxy import buffers_requests
from scripts.staging_local.proxy import write_site
from tests.deploy.proxies import FILE, TOKEN, Proxy, started
from tests.deploy.tools import ROOT
from tests.servers import HOST

SLOW: Final = 50
HALVES: Final = 1_100
"""More than two workers of nginx had connections for, 512 each."""
READS: Final = 20
MB: Final = 1024 * 1024
LARGE_BODIES: Final = 8
"""As many as one network may have at a time, in deploy/nginx/tandem/server.conf."""
FILES: Final = 16
"""Likewise."""
OTHER_HEADERS: Final = 4_096
"""The most that the headers of an answer have beside those that name addresses."""


def write_staging(folder: Path, ports: Mapping[str, int]) -> None:
    write_site(folder, ports, ["web-2"], folder / "access.log")


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with started(write_staging) as found:
        yield found


def test_fifty_slow_clients_hold_no_thread_of_a_web_process(proxy: Proxy) -> None:
    kinds = [
        b"GET /head HTTP/1.1\r\nHost: loc",
        b"POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
        b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ]
    drawn = random.Random(1).choices(kinds, k=SLOW)
    for request in drawn:
        proxy.hold(request)
    assert [proxy.get("/quick") for _ in range(READS)] == [200] * READS
    whole = drawn.count(kinds[2]) + READS
    deadline = time.monotonic() + 60
    while proxy.web.answered < whole and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (proxy.web.asked, proxy.web.answered) == (whole, whole)


def test_an_answer_that_asks_for_it_fills_no_disk_and_waits_for_its_slow_reader(proxy: Proxy) -> None:
    """A stranger's long pages of v1 filled the disk that uploads of others need."""
    proxy.hold(b"GET /content?unbuffered HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert [proxy.get("/quick") for _ in range(READS)] == [200] * READS
    deadline = time.monotonic() + 60
    while proxy.web.answered < READS and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (proxy.web.asked, proxy.web.answered) == (1 + READS, READS)
    whole = proxy.ask(b"GET /content?unbuffered HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    head, _, body = whole.partition(b"\r\n\r\n")
    assert (len(body), b"X-Accel" in head) == (len(FILE), False)


def test_a_thousand_clients_that_send_half_a_head_keep_nobody_out(proxy: Proxy) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most[1], most[1]))
    try:
        for _ in range(HALVES):
            proxy.hold(b"GET /quick HTTP/1.1\r\nHost: loc")
        assert [proxy.get("/quick") for _ in range(READS)] == [200] * READS
    finally:
        proxy.let_go()
        resource.setrlimit(resource.RLIMIT_NOFILE, most)


@pytest.mark.parametrize(
    ("target", "logged"),
    [
        (f"/api/v2/previews/{TOKEN}", "/api/v2/previews/-"),
        (f"/api/previews/{TOKEN}?x=1", "/api/v2/previews/-"),
        (f"/previews/{TOKEN}/media/1", "/previews/-"),
        (f"//api//v2/%70reviews/{TOKEN}", "/api/v2/previews/-"),
        (f"/admin/password-reset/{TOKEN}/", "/admin/password-reset/-"),
        (f"/admin/invitation/{TOKEN}/", "/admin/invitation/-"),
        (f"//admin//invit%61tion/{TOKEN}/", "/admin/invitation/-"),
        ("/admin/password-reset/sent/", "/admin/password-reset/sent/"),
        (f"/admin/login/single-sign-on/callback/?code={TOKEN}&state=1", "/admin/login/single-sign-on/callback/"),
        (f"/verify?token={TOKEN}", "/verify"),
    ],
)
def test_no_token_is_in_a_log_of_the_proxy(proxy: Proxy, target: str, logged: str) -> None:
    assert proxy.get(target) == 200
    proxy.web.shutdown()
    proxy.web.server_close()
    assert proxy.get(target) == 502  # which makes nginx write of the error
    assert proxy.logged(2) == [f"GET {logged}"] * 2
    if "?token" not in target:  # nginx writes a query beside an error; the application takes no token there
        assert TOKEN not in proxy.logs()


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /api/v2/posts/" + b"a" * 8_190 + b" HTTP/1.1", 414),
        (b"GET /api/v2/posts HTTP/1.1\r\nX-Long: " + b"a" * 8_192, 431),
        (b"GET /api/v2/posts HTTP/1.1\r\nContent-Length: many", 400),
        (b"GET  HTTP/one", 400),
    ],
)
def test_the_proxy_refuses_with_a_problem(proxy: Proxy, request_line: bytes, status: int) -> None:
    head, _, body = proxy.ask(request_line + b"\r\nHost: localhost\r\n\r\n").partition(b"\r\n\r\n")
    assert head.split(b" ", 2)[1] == str(status).encode()
    assert re.search(rb"(?i)^content-type: application/problem\+json\r?$", head, re.MULTILINE)
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem.keys() >= {"type", "title"}
    assert proxy.web.asked == 0


def test_the_longest_headers_of_an_answer_arrive_and_nobody_counts_as_dead(proxy: Proxy) -> None:
    [line] = re.findall(r'"--limit-request-line", "(\d+)"', (ROOT / "Dockerfile").read_text())
    address = int(line) - len("GET  HTTP/1.1")
    assert ADDRESS_MAX == limits.ADDRESS_MAX == address
    longest = max(3 * address, MAX_URL_REDIRECT_LENGTH) + OTHER_HEADERS
    assert [proxy.get(f"/quick?headers={longest}") for _ in range(READS)] == [200] * READS
    deadline = time.monotonic() + 30  # a process counts its answer when it has been sent
    while proxy.web.answered < READS and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (proxy.web.asked, proxy.web.answered) == (READS, READS)
    assert "upstream sent too big header" not in proxy.logs()


def test_the_checklist_knows_a_proxy_that_buffers_from_a_web_process(proxy: Proxy) -> None:
    now = datetime.datetime.now(datetime.UTC)
    at_proxy, at_web = (f"http://{HOST}:{port}" for port in (proxy.port, proxy.web.server_port))
    assert buffers_requests(now, {"url": at_proxy})[0]
    ok, told = buffers_requests(now, {"url": at_web})
    assert not ok
    assert "a proxy that buffers requests" in told


def head_of(length: int) -> bytes:
    return b"POST /files HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % length


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_large_bodies_of_strangers_wait_on_disk(proxy: Proxy) -> None:
    for _ in range(READS):  # each worker of nginx has answered, and has its own memory
        proxy.ask(head_of(2) + b"{}")
    before = proxy.memory_kb()
    for _ in range(LARGE_BODIES):
        proxy.hold_body(head_of(62 * MB), b"x" * 4 * MB)
    deadline = time.monotonic() + 60
    while proxy.stored_bytes() < LARGE_BODIES * 3 * MB and time.monotonic() < deadline:
        time.sleep(0.01)
    assert proxy.stored_bytes() >= LARGE_BODIES * 3 * MB
    assert proxy.memory_kb() - before < 4 * 1024
    assert proxy.web.asked == READS


def test_a_network_has_a_few_large_bodies_at_a_time_and_small_ones_beside_them(proxy: Proxy) -> None:
    for _ in range(LARGE_BODIES):
        proxy.hold_body(head_of(62 * MB), b"x")
    assert proxy.ask(head_of(2) + b"{}").startswith(b"HTTP/1.1 200")
    chunked = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    for request in (head_of(62 * MB), chunked):
        head, problem = proxy.refusal(request)
        assert head.startswith(b"HTTP/1.1 429")
        assert b"Retry-After: 5" in head
        assert problem["status"] == 429
    assert "limiting" not in proxy.logs()  # with the whole address of the request


def test_a_network_has_a_few_files_at_a_time_and_nginx_keeps_them_whole(proxy: Proxy) -> None:
    """Smaller pictures and other answers come beside them."""
    address = "/api/v2/media/1/content"
    for n in range(FILES):
        proxy.hold(f"GET {address}{'?size=a&size=' if n else ''} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    deadline = time.monotonic() + 60
    while proxy.web.answered < FILES and time.monotonic() < deadline:
        time.sleep(0.01)
    assert proxy.web.answered == FILES
    admins, previewed = "/admin/cms/mediafile/1/file/", "/previews/t/media/1"
    sized = [f"{whole}?size=width-320" for whole in (address, previewed, f"{admins}?a=b", f"{admins}%3Fsize=width-320")]
    made = ["/admin/cms/auditevent/export/?deed=accounts", "/admin/canary/consumers.csv"]
    many = [address, f"{address}?", f"{address}?size=", previewed, admins, f"{admins}?size=x", *sized, *made]
    assert {target: proxy.get(target) for target in many} == dict.fromkeys(many, 429)
    few = [*(f"{admins}?size={name}" for name in limits.RENDITIONS), "/api/v2/media/1", "/quick"]
    assert {target: proxy.get(target) for target in few} == dict.fromkeys(few, 200)


def test_all_addresses_of_an_ipv6_network_count_as_one() -> None:
    def write(folder: Path, ports: Mapping[str, int]) -> None:
        write_staging(folder, ports)
        site = folder / "site.conf"
        named = f"set_real_ip_from {HOST}; real_ip_header X-Client; access_log"  # stands for the peer's address
        site.write_text(site.read_text().replace("access_log", named))

    def large_of(address: str, length: int) -> bytes:
        return head_of(length).replace(b"\r\n\r\n", f"\r\nX-Client: {address}\r\n\r\n".encode())

    with started(write) as proxy:
        for n in range(LARGE_BODIES):
            proxy.hold_body(large_of(f"2001:db8:0:7:{n}::{n}", 62 * MB), b"x")
        assert proxy.refusal(large_of("2001:db8:0:7:ffff::", 62 * MB))[1]["status"] == 429
        assert proxy.ask(large_of("2001:db8:0:8::", 2 * MB) + b"x" * 2 * MB).startswith(b"HTTP/1.1 200")


def test_a_file_arrives_whole(proxy: Proxy) -> None:
    assert proxy.ask(head_of(20 * MB) + b"x" * 20 * MB).startswith(b"HTTP/1.1 200")
    assert proxy.web.got[0][1] == 20 * MB


def test_a_body_above_every_limit_is_refused_with_a_problem(proxy: Proxy) -> None:
    head, problem = proxy.refusal(head_of(64 * MB + 1))
    assert head.startswith(b"HTTP/1.1 413")
    assert problem["status"] == 413


def test_the_metrics_are_closed_and_a_client_cannot_name_its_address(proxy: Proxy) -> None:
    assert proxy.get("/metrics") == 404
    assert proxy.web.asked == 0
    proxy.ask(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n")
    assert proxy.web.got[0][0]["X-Forwarded-For"] == HOST


def test_a_name_that_no_site_has_gets_no_answer(proxy: Proxy) -> None:
    assert proxy.ask(b"GET / HTTP/1.1\r\nHost: " + b"a" * 256 + b"\r\n\r\n") == b""
