"""What goes over the wire, byte by byte: answers to HEAD, and addresses that no client library would send."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from canary.retiring.successors import declared_successors
from tests.databases import copied_database, process_env
from tests.servers import HOST, Server, serve

UNKNOWN = "0199a3c2-5b1e-7c40-9d3f-2f6a1c0e8b57"
Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module")
def server(template_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("wire")
    with copied_database(template_of("sqlite"), folder) as url, serve(process_env(url)) as server:
        yield server


def ask(server: Server, *lines: str) -> bytes:
    """All that comes back on one connection for these requests, sent at once; the last one closes it."""
    more = ["Connection: keep-alive"] * (len(lines) - 1) + ["Connection: close"]
    sent = "".join(
        f"{line} HTTP/1.1\r\nHost: localhost\r\n{end}\r\n\r\n" for line, end in zip(lines, more, strict=True)
    )
    with socket.create_connection((HOST, server.port), timeout=20) as connection:
        connection.sendall(sent.encode("latin-1"))
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def parsed(answer: bytes) -> Answer:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    return int(first.split(" ")[1]), dict(field.split(": ", 1) for field in fields), body


def test_no_answer_to_head_carries_a_body(server: Server) -> None:
    """RFC 9110 section 9.3.2. A byte of one would be the beginning of the next answer on the connection."""
    declared = declared_successors()
    assert declared is not None
    templates = {row["path"].format(uuid=UNKNOWN, slug="none") for rows in declared.routes.values() for _, row in rows}
    paths = [f"/api/v1{path}" for path in sorted(templates)]
    paths += ["/api/v1/nowhere", "/api/posts", "/api/v2/posts", "/api/v2/nowhere", "/api/v3", "/metrics", "/livez"]
    statuses = set()
    for path in paths:
        status, headers, body = parsed(ask(server, f"HEAD {path}"))
        assert (path, body) == (path, b"")
        assert headers.get("Content-Length") != "0", path
        statuses.add(status)
    assert statuses >= {200, 401, 404, 405}


def test_what_follows_an_answer_to_head_on_its_connection_is_the_next_answer(server: Server) -> None:
    both = ask(server, "HEAD /api/v1/info", "GET /api/v1/posts/none")
    first, second = (parsed(b"HTTP/1.1 " + answer) for answer in both.split(b"HTTP/1.1 ")[1:])
    assert (first[0], first[2], second[0]) == (200, b"", 400)
    assert len(second[2]) == int(second[1]["Content-Length"])


def test_a_client_that_has_closed_its_half_of_the_connection_is_answered(server: Server) -> None:
    """As netcat and other simple clients do when they have said all."""
    with socket.create_connection((HOST, server.port), timeout=20) as connection:
        connection.sendall(b"GET /api/v1/info HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        status, headers, body = parsed(b"".join(iter(lambda: connection.recv(65_536), b"")))
    assert (status, len(body)) == (200, int(headers["Content-Length"]))


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("/api/posts/%FF", "/api/v1/posts/%FF"),
        ("/api/posts/%2541", "/api/v1/posts/%2541"),
        ("/api/posts?q=%FF%25", "/api/v1/posts?q=%FF%25"),
        ("/api/../admin/", None),
        ("/api/posts/%2E%2E/..", None),
        ("/api/v1/../../admin", None),
    ],
)
def test_an_odd_address_is_named_as_it_came_or_not_at_all(server: Server, asked: str, named: str | None) -> None:
    status, headers, _ = parsed(ask(server, f"GET {asked}"))
    assert status < 500
    assert headers.get("Content-Location") == named


def test_metrics_refuse_to_be_written_as_probes_do(server: Server) -> None:
    probe, metrics = (parsed(ask(server, f"POST {path}")) for path in ("/livez", "/metrics"))
    assert (metrics[0], probe[0], metrics[2]) == (405, 405, b"")
    assert metrics[1]["Allow"] == probe[1]["Allow"] == "GET, HEAD"
