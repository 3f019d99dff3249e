"""What gunicorn answers by itself: requests that it can't read are refused with problem details."""

import json
import socket
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.http.parser import RequestParser

from cms.gunicorn import Worker, forwarder_headers, secure_scheme_headers, worker_class


def test_no_header_but_the_settings_own_makes_a_request_secure() -> None:
    """The header that Django reads is SECURE_PROXY_SSL_HEADER; gunicorn's defaults believe clients of this machine."""
    assert scheme_of({}) == "https"  # as gunicorn comes
    assert scheme_of({"secure_scheme_headers": secure_scheme_headers}) == "http"


def test_no_header_moves_the_site_to_another_path() -> None:
    sent = b"GET /x/metrics HTTP/1.1\r\nHost: a\r\nSCRIPT_NAME: /x\r\n\r\n"
    for headers, is_believed in ((None, True), (forwarder_headers, False)):  # as gunicorn comes, and ours
        config = Config()
        if headers is not None:
            config.set("forwarder_headers", headers)
        if is_believed:
            request = next(RequestParser(config, iter([sent]), ("127.0.0.1", 1)))
            assert ("SCRIPT_NAME", "/x") in request.headers
        else:
            found = next(RequestParser(config, iter([sent]), ("127.0.0.1", 1))).headers
            assert "SCRIPT_NAME" not in dict(found)


def scheme_of(options: dict[str, Any]) -> str:
    config = Config()
    for name, value in options.items():
        config.set(name, value)
    sent = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n"
    return str(next(RequestParser(config, iter([sent]), ("127.0.0.1", 1))).scheme)


def refusal_of(error: Exception) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer."""
    config = Config()
    config.set("worker_class", worker_class)
    assert config.worker_class is Worker
    worker = Worker(1, 1, [], None, 30, config, Logger(config))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker.handle_error(None, ours, ("127.0.0.1", 1), error)
        ours.close()
        head, _, body = theirs.makefile("rb").read().decode().partition("\r\n\r\n")
    worker.tmp.close()
    status, *lines = head.split("\r\n")
    return int(status.split(" ")[1]), dict(line.split(": ", 1) for line in lines), body.encode()


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.LimitRequestLine(9_000, 8_190), 414, "uri_too_long"),
        (errors.LimitRequestHeaders("limit request headers fields size"), 431, "headers_too_large"),
        (errors.InvalidRequestLine("GET"), 400, "bad_request"),
        (errors.InvalidHeader("CONTENT-LENGTH"), 400, "bad_request"),
    ],
)
def test_a_request_that_can_not_be_read_is_refused_with_a_problem(error: Any, status: int, code: str) -> None:
    found, headers, body = refusal_of(error)
    assert (found, headers["Content-Type"], headers["Connection"]) == (status, "application/problem+json", "close")
    assert int(headers["Content-Length"]) == len(body)
    assert json.loads(body)["type"] == f"urn:problem-type:tandem:{code}"


@pytest.mark.parametrize(
    ("error", "status"), [(errors.InvalidResponseHeader("A"), 500), (errors.UnsupportedTransferCoding("a"), 501)]
)
def test_all_else_is_left_to_gunicorn(error: Exception, status: int) -> None:
    found, headers, _ = refusal_of(error)
    assert (found, headers["Content-Type"]) == (status, "text/html")
