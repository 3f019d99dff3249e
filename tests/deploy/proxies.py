"""A real nginx in front of a web process that counts what it is sent."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from scripts.staging_local.proxy import workers_of, write_configuration
from tests.deploy.tools import PATH, run
from tests.servers import HOST, free_port, spawn, stop_process

TOKEN: Final = "eyJwb3N0IjoxfQ.c2lnbmF0dXJl"
LARGE: Final = b"x" * (4 * 1024 * 1024)
"""More than the sockets on both sides hold."""
FILE: Final = b"x" * (56 * 1024 * 1024)
"""More than nginx keeps of other answers."""

UNBUFFERED: Final = ("X-Accel-Buffering", "no")


class Web(ThreadingHTTPServer):
    """A web process: it counts the requests that it is sent and those that it has answered in full.

    `got` has the headers of each, and the size of the body of those for /files.
    """

    request_queue_size = 128  # with five, nginx waits for a place longer than its second

    def __init__(self, port: int) -> None:
        self.asked, self.answered = 0, 0
        self.got: list[tuple[dict[str, str], int]] = []
        super().__init__((HOST, port), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        self.server.asked += 1
        length = int(self.headers.get("Content-Length", 0)) if self.path == "/files" else 0
        self.server.got.append((dict(self.headers), len(self.rfile.read(length))))
        body = {"large": LARGE, "content": FILE}.get(self.path.partition("?")[0].rpartition("/")[2], b"ok")
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if size := self.path.partition("?headers=")[2]:
            self.send_header("Link", "a" * int(size))
        if self.path.endswith("?unbuffered"):
            self.send_header(*UNBUFFERED)
        self.end_headers()
        self.wfile.write(body)
        self.server.answered += 1

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@dataclass
class Proxy:
    ports: Mapping[str, int]
    folder: Path
    web: Web
    pid: int
    held: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.ports["nginx"]

    def ask(self, request: bytes) -> bytes:
        with socket.create_connection((HOST, self.port), timeout=30) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    def refusal(self, request: bytes) -> tuple[bytes, dict[str, Any]]:
        """Return head and problem of a refusal. nginx waits some seconds for the rest of the body before it closes."""
        with socket.create_connection((HOST, self.port), timeout=30) as connection:
            connection.sendall(request)
            received = b""
            while not received.endswith(b"}") and (piece := connection.recv(65_536)):
                received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        return head, json.loads(body)

    def get(self, target: str) -> int:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        connection.request("GET", target, headers={"Referer": f"http://localhost/?token={TOKEN}"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    def hold(self, request: bytes) -> socket.socket:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((HOST, self.port))
        connection.sendall(request)
        self.held.append(connection)
        return connection

    def hold_body(self, head: bytes, begun: bytes) -> None:
        """Begin a body that never ends, once nginx has counted it: only then it asks for the body."""
        connection = self.hold(head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        connection.settimeout(30)
        assert connection.recv(1_024).startswith(b"HTTP/1.1 100 ")
        connection.sendall(begun)

    def let_go(self) -> None:
        for each in self.held:
            each.close()

    def memory_kb(self) -> int:
        """Return the most that all processes of nginx have had in memory."""
        found = [re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) for pid in self._processes()]
        return sum(int(each[1]) for each in found if each)

    def stored_bytes(self) -> int:
        """Return the size of the bodies on disk: files without a name, which vanish with their process."""
        opened = [file for pid in self._processes() for file in Path(f"/proc/{pid}/fd").iterdir()]
        return sum(file.stat().st_size for file in opened if "/client_body/" in str(file.readlink()))

    def _processes(self) -> list[int]:
        return [self.pid, *workers_of(self.pid)]

    def logged(self, count: int) -> list[str]:
        """Return the requests of the access log, which nginx writes after it has sent the answer."""
        deadline, log = time.monotonic() + 60, self.folder / "access.log"
        while log.read_text().count("\n") < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return [line.split('"')[1] for line in log.read_text().splitlines()]

    def logs(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*.log"))


@contextmanager
def started(write: Callable[[Path, Mapping[str, int]], None], *more: str) -> Iterator[Proxy]:
    """Start nginx with what `write` makes into `site.conf`, on ports of web-1, web-2, nginx and those of `more`.

    The web process has the one of web-1. Skips aloud where there is no nginx.
    """
    run("nginx", "-v")
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="tandem-proxy-")))
        ports = {name: free_port() for name in ("web-1", "web-2", "nginx", *more)}
        web = ending.enter_context(Web(ports["web-1"]))
        pool = ending.enter_context(ThreadPoolExecutor(1))
        pool.submit(web.serve_forever, 0.02)
        ending.callback(web.shutdown)
        main = write_configuration(folder, {})
        main.write_text("user root;\n" * (os.geteuid() == 0) + main.read_text())
        write(folder, ports)
        command = [shutil.which("nginx", path=PATH) or "", "-p", str(folder), "-e", "stderr", "-c", str(main)]
        process = spawn(command, log=folder / "error.log", cwd=folder)
        ending.callback(stop_process, process)
        await_port(ports["nginx"], process, folder / "error.log")
        found = Proxy(ports, folder, web, process.pid)
        ending.callback(found.let_go)
        yield found


def await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.01)
    pytest.fail(log.read_text())
