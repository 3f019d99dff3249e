"""A local HTTP server that answers as it is told, and remembers what it was asked."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Asked(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Service:
    """`answer` is the status and body of every answer, `headers` are further ones.

    With `drips` a byte of the body comes every 50 ms, until the client hangs up.
    """

    url: str
    answer: tuple[int, bytes] = (200, b"{}")
    headers: dict[str, str] = field(default_factory=dict)
    drips: bool = False
    asked: list[Asked] = field(default_factory=list)


@contextlib.contextmanager
def serving() -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            found.asked.append(Asked(self.path, dict(self.headers), body))
            status, answer = found.answer
            self.send_response(status)
            for name, value in {"content-length": str(len(answer)), **found.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if found.drips:
                self._drip(answer)
            else:
                self.wfile.write(answer)

        def _drip(self, answer: bytes) -> None:
            with contextlib.suppress(OSError):
                for at in range(len(answer)):
                    self.wfile.write(answer[at : at + 1])
                    gone.wait(0.05)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *args: Any) -> None:
            """Nothing: the tests' output stays readable."""

    gone = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Service(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield found
    finally:
        gone.set()
        server.shutdown()
        thread.join()
        server.server_close()
