"""A real HTTP server that receives webhooks, remembers them and answers as it is told."""

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANG = 0  # no answer before the receiver is closed
CUT = -1  # the connection is closed without an answer


@dataclass
class Received:
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event


@dataclass
class Receiver:
    """`answers` are used up one by one: a status, HANG or CUT; then it is 204."""

    port: int
    answers: list[int] = field(default_factory=list)
    garbage: bytes = b""
    """Sent in place of each answer: bytes that are no HTTP."""
    requests: list[Received] = field(default_factory=list)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def types(self) -> list[str]:
        return [request.event["type"] for request in self.requests]

    @property
    def ids(self) -> list[str]:
        return [request.id for request in self.requests]


@contextlib.contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """With `tls` it speaks HTTPS; a client that ends the handshake, for it doesn't like the certificate, is no request."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = False
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver = server.receiver = Receiver(server.server_port)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined]
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) < length:  # the sender was killed in the middle
            self.close_connection = True
            return
        receiver.requests.append(Received({k.lower(): v for k, v in self.headers.items()}, body))
        answer = receiver.answers.pop(0) if receiver.answers else 204
        receiver.arrived.release()
        if answer == HANG:
            receiver.closing.wait(600)
        if answer in (HANG, CUT):
            self.close_connection = True
            return
        if receiver.garbage:
            self.wfile.write(receiver.garbage)
            self.close_connection = True
            return
        self.send_response(answer)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Nothing: the tests' output stays readable."""
