"""The options that gunicorn takes from here: `gunicorn cms.wsgi --config python:cms.gunicorn`.

A command line can't check a setting, nor share its default with the rest of Tandem.
"""

import contextlib
import ctypes
import json
import os
import socket
from typing import Any, Final

from django.conf import settings
from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")

SILENT_S: Final = 30
M_MMAP_THRESHOLD: Final = -3  # of malloc.h
LARGE_BYTES: Final = 256 * 1024
threads: int = settings.WEB_THREADS
worker_class: Final = "cms.gunicorn.Worker"
# gunicorn would believe X-Forwarded-Proto of any client on this machine. SECURE_PROXY_SSL_HEADER alone decides.
secure_scheme_headers: Final[dict[str, str]] = {}
forwarder_headers: Final = ""  # likewise SCRIPT_NAME and PATH_INFO, sent as headers

_STATUSES: Final[dict[type[Exception], int]] = {
    errors.LimitRequestLine: 414,
    errors.LimitRequestHeaders: 431,
    **dict.fromkeys((errors.InvalidRequestLine, errors.InvalidRequestMethod, errors.InvalidHTTPVersion), 400),
    **dict.fromkeys((errors.InvalidHeader, errors.InvalidHeaderName, errors.ObsoleteFolding), 400),
}
_PROBLEMS: Final = {
    # status: its words, code and title of the problem
    400: ("Bad Request", "bad_request", "The request is not valid HTTP"),
    414: ("URI Too Long", "uri_too_long", "The address is too long"),
    431: ("Request Header Fields Too Large", "headers_too_large", "The headers are too large"),
}


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Refuse what can't be read with problem details (RFC 9457), in the words of the proxy (`deploy/kubernetes/`)."""

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        status = _STATUSES.get(type(exc))  # of the exact type: others mean headers that the application sends
        if status is None:
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("Invalid request from ip=%s: %s", addr[0] if addr else "", exc)
        with contextlib.suppress(OSError):  # the client has gone
            util.write_nonblock(client, _problem(status))


def _problem(status: int) -> bytes:
    reason, code, title = _PROBLEMS[status]
    body = json.dumps({"type": f"urn:problem-type:tandem:{code}", "title": title, "status": status}).encode()
    head = (f"HTTP/1.1 {status} {reason}", "Connection: close", "Content-Type: application/problem+json")
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


def _return_large_blocks() -> None:
    """Have malloc return each large block to the system when it is freed, in this process and in its workers.

    Otherwise glibc keeps them: it raises its limit to the largest block that was freed, up to 32 MB.
    """
    with contextlib.suppress(AttributeError):  # of another libc
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


_return_large_blocks()


def when_ready(server: Any) -> None:
    """Leave connections to the kernel until they send something, for SILENT_S at most.

    gunicorn waits for the first bytes of each in one of the threads, for five seconds: a hundred idle connections would
    stop a process for half a minute.
    """
    for listener in server.LISTENERS:
        if hasattr(socket, "TCP_DEFER_ACCEPT") and listener.sock.family != socket.AF_UNIX:
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, SILENT_S)
