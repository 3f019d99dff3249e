"""Ask the site itself, as a client would: over HTTP, or in this process by the same chain of middleware."""

import http.client
import logging
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.test import Client

TIMEOUT_S: Final = 10
HEADERS: Final = {"User-Agent": "canary-readiness (health check)"}  # no evidence, and no use of v1


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """By name in lower case."""


class NoAnswer(Exception):
    """Nobody answers at the address; the text is the reason."""


def ask(url: str, path: str, **headers: str) -> Answer:
    """Return the answer to a GET at a site such as `https://shop.example`; follows no redirect and asks no proxy.

    Underscores in names of headers stand for hyphens. Raises NoAnswer.
    """
    parts = urlsplit(url)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if parts.scheme not in kinds or not parts.hostname:
        raise NoAnswer(f"{url} is not an address such as https://shop.example")
    try:
        connection = kinds[parts.scheme](parts.netloc.rpartition("@")[2], timeout=TIMEOUT_S)
        try:
            connection.request("GET", f"{parts.path.rstrip('/')}{path}", headers=HEADERS | _sent(headers))
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()})
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NoAnswer(type(error).__name__) from error


def ask_in_process(path: str, **headers: str) -> Answer:
    """Return the answer of this process. A fault in a view or middleware is a 500 here too."""
    host = next((host for host in settings.ALLOWED_HOSTS if not host.startswith(("*", "."))), "localhost")
    client = Client(raise_request_exception=False, headers=HEADERS | _sent(headers))
    logging.disable()  # the caller's sentence says what there is to say
    try:
        answer = client.get(path, SERVER_NAME=host, REMOTE_ADDR="127.0.0.1", secure=True)
    finally:
        logging.disable(logging.NOTSET)
    return Answer(int(answer.status_code), {name.lower(): value for name, value in answer.headers.items()})


def _sent(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
