"""An item of the checklist: whether a proxy in front waits for slow clients, so that they hold no thread."""

import datetime
import http.client
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

UNANSWERED_FOR_S: Final = 1.0
TIMEOUT_S: Final = 10.0
HEADERS: Final = {"User-Agent": "tandem-readiness (health check)", "Content-Length": "1", "Connection": "close"}

Wanted = Mapping[str, Any]


def buffers_requests(now: datetime.datetime, wanted: Wanted) -> tuple[bool, str]:
    """Send a POST without its body: a web process refuses it at once, a proxy that buffers waits for the body first."""
    url = wanted.get("url")
    if not url:
        return True, "Not checked: `--url` names the address that readers use."
    connection = _connection(url)
    try:
        connection.request("POST", "/livez", headers=HEADERS)
        try:
            connection.getresponse()
        except TimeoutError:
            return _answer_to_whole(connection, url)
    finally:
        connection.close()
    return False, f"{url} answers a request whose body is still to come: put a proxy that buffers requests in front."


def _answer_to_whole(connection: http.client.HTTPConnection, url: str) -> tuple[bool, str]:
    """The address may as well be silent: then this raises TimeoutError."""
    connection.sock.settimeout(TIMEOUT_S)
    connection.send(b"-")
    connection.getresponse()
    return True, f"The proxy at {url} waits for a whole request before it passes it on."


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=UNANSWERED_FOR_S)
