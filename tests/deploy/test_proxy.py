"""The shipped configuration in a real nginx: slow clients wait there, no log holds a token, refusals are problems."""

import datetime
import http.client
import json
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

from cms.readiness.proxy import buffers_requests
from scripts.staging_local.proxy import write_configuration, write_site
from tests.deploy.tools import PATH, run
from tests.servers import HOST, free_port, spawn, stop_process

TOKEN: Final = "eyJwb3N0IjoxfQ.c2lnbmF0dXJl"
SLOW: Final = 50
READS: Final = 20
LARGE: Final = b"x" * (4 * 1024 * 1024)
"""More than the sockets on both sides hold."""


class Web(ThreadingHTTPServer):
    """A web process: it counts the requests that it is sent and those that it has answered in full."""

    request_queue_size = 128  # with five, nginx waits for a place longer than its second

    def __init__(self, port: int) -> None:
        self.asked, self.answered = 0, 0
        super().__init__((HOST, port), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        self.server.asked += 1
        body = LARGE if self.path == "/large" else b"ok"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.answered += 1

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@dataclass
class Proxy:
    port: int
    folder: Path
    web: Web
    held: list[socket.socket] = field(default_factory=list)

    def ask(self, request: bytes) -> bytes:
        with socket.create_connection((HOST, self.port), timeout=30) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    def get(self, target: str) -> int:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        connection.request("GET", target, headers={"Referer": f"http://localhost/?token={TOKEN}"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    def hold(self, request: bytes) -> None:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((HOST, self.port))
        connection.sendall(request)
        self.held.append(connection)

    def logged(self, count: int) -> list[str]:
        """Return the requests of the access log, which nginx writes after it has sent the answer."""
        deadline, log = time.monotonic() + 60, self.folder / "access.log"
        while log.read_text().count("\n") < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return [line.split('"')[1] for line in log.read_text().splitlines()]

    def logs(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*.log"))


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    run("nginx", "-v")  # skips aloud where there is none
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="tandem-proxy-")))
        ports = {name: free_port() for name in ("web-1", "web-2", "nginx")}
        web = ending.enter_context(Web(ports["web-1"]))
        pool = ending.enter_context(ThreadPoolExecutor(1))
        pool.submit(web.serve_forever, 0.02)
        ending.callback(web.shutdown)
        main = write_configuration(folder, {})
        main.write_text("user root;\n" * (os.geteuid() == 0) + main.read_text())
        write_site(folder, ports, ["web-2"], folder / "access.log")
        command = [shutil.which("nginx", path=PATH) or "", "-p", str(folder), "-e", "stderr", "-c", str(main)]
        process = spawn(command, log=folder / "error.log", cwd=folder)
        ending.callback(stop_process, process)
        await_port(ports["nginx"], process, folder / "error.log")
        found = Proxy(ports["nginx"], folder, web)
        yield found
        for each in found.held:
            each.close()


def await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.01)
    pytest.fail(log.read_text())


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


def test_the_checklist_knows_a_proxy_that_buffers_from_a_web_process(proxy: Proxy) -> None:
    now = datetime.datetime.now(datetime.UTC)
    at_proxy, at_web = (f"http://{HOST}:{port}" for port in (proxy.port, proxy.web.server_port))
    assert buffers_requests(now, {"url": at_proxy})[0]
    ok, told = buffers_requests(now, {"url": at_web})
    assert not ok
    assert "a proxy that buffers requests" in told
