"""A proxy sends a whole body before it reads the answer. It gets the refusal of a body that nobody has read."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.databases import copied_database, process_env
from tests.servers import HOST, Server, serve

TRIES: Final = 10
BODY: Final = b"x" * 10_000_000
"""More than the sockets hold, so that a part of it is unsent when the refusal comes."""


@pytest.fixture
def server(template_of: Callable[[str], str], tmp_path: Path) -> Iterator[Server]:
    with (
        copied_database(template_of("sqlite"), tmp_path) as url,
        serve(process_env(url, RATE_LIMIT_ANONYMOUS="0", CANARY_BULKHEAD="0")) as server,
    ):
        yield server


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/v2/media", ("Authorization: Bearer ended", "Content-Type: multipart/form-data; boundary=b"), 401),
        ("/api/v1/posts", ("Content-Type: application/json",), 401),
        ("/nowhere", (), 404),
    ],
)
def test_the_sender_of_a_whole_body_reads_the_refusal(
    server: Server, path: str, headers: tuple[str, ...], status: int
) -> None:
    head = (f"POST {path} HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Length: {len(BODY)}", *headers)
    for _ in range(TRIES):
        with socket.create_connection((HOST, server.port), timeout=60) as connection:
            connection.sendall("\r\n".join([*head, "", ""]).encode() + BODY)
            with connection.makefile("rb") as answer:
                assert int(answer.readline().split()[1]) == status
