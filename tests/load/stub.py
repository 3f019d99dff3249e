"""A site that answers wrongly on purpose, so that a load test has something to find."""

import contextlib
import itertools
import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers import HOST

POST = {"id": str(uuid.uuid4()), "title": "A post", "slug": "a-post", "version": 1}


@contextlib.contextmanager
def stub_site(*, flips: bool = False, breaks: bool = False) -> Iterator[str]:
    """Its address. All is well, but that nothing is kept, if it `flips` that the versions answer by turns, and if it
    `breaks` that a post which was listed is not found.
    """
    turns = itertools.count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if breaks and f"/{POST['id']}" in self.path:
                self._answer(404, {})
                return
            page = {"next": None, "previous": None, "has_more": False, "limit": 20}
            is_list_to_be_found = "q=" not in self.path
            self._answer(200, {"data": [POST] if is_list_to_be_found else [], "page": page})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            tokens = {"access_token": "a", "refresh_token": "r"}
            if "auth" in self.path:
                self._answer(200, {**tokens, "data": {"tokens": tokens}})
            else:
                is_new = not self.path.endswith("publish")
                self._answer(201 if is_new else 200, {**POST, "id": str(uuid.uuid4())})

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            version = "2" if not flips or next(turns) % 2 else "1"
            items = {**body, "data": {"items": [POST]}} if version == "1" else body
            text = json.dumps(items).encode()
            self.send_response(status)
            for name, value in (("API-Version", version), ("Content-Length", str(len(text)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
