"""A client that costs little: keep-alive connections that send one prepared request after the other."""

import asyncio
import itertools
import re
import time
from collections.abc import Iterator, Sequence

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class UnexpectedAnswer(Exception):
    """An answer that isn't 200: what is measured then is something else."""


def requests_per_s(port: int, paths: Sequence[str], *, connections: int, seconds: float) -> float:
    """How many of `paths`, in turn, are answered with 200 within `seconds`."""
    return asyncio.run(_measure(port, paths, connections, seconds))


async def _measure(port: int, paths: Sequence[str], connections: int, seconds: float) -> float:
    prepared = itertools.cycle([f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() for path in paths])
    begin = time.monotonic()
    asked = [_ask(port, prepared, begin + seconds) for _ in range(connections)]
    answered = sum(await asyncio.gather(*asked))
    return answered / (time.monotonic() - begin)


async def _ask(port: int, prepared: Iterator[bytes], deadline: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = 0
    while time.monotonic() < deadline:
        writer.write(next(prepared))
        head = await reader.readuntil(b"\r\n\r\n")
        length = CONTENT_LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        if not head.startswith(b"HTTP/1.1 200"):
            raise UnexpectedAnswer((head + body)[:500].decode(errors="replace"))
        answered += 1
    writer.close()
    await writer.wait_closed()
    return answered
