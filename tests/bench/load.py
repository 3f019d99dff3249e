"""A client that costs little: keep-alive connections that send one prepared request after the other."""

import asyncio
import itertools
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class UnexpectedAnswer(Exception):
    """An answer that is no success: what is measured then is something else."""


@dataclass(frozen=True)
class Load:
    """What was answered within the time."""

    latencies_ms: list[float]
    """In ascending order."""
    seconds: float

    @property
    def requests_per_s(self) -> float:
        return len(self.latencies_ms) / self.seconds

    def percentile_ms(self, percent: int) -> float:
        return self.latencies_ms[min(len(self.latencies_ms) - 1, len(self.latencies_ms) * percent // 100)]


def request(path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> bytes:
    """A GET, or a POST of a JSON body."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{'POST' if content else 'GET'} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def measure(port: int, requests: Sequence[bytes] | Iterator[bytes], *, connections: int, seconds: float) -> Load:
    """Send `requests`, in turn and from the beginning again if it is a list, for as long as that or until there are none."""
    endless = itertools.cycle(requests) if isinstance(requests, Sequence) else requests
    return asyncio.run(_measure(port, endless, connections, seconds))


async def _measure(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Load:
    begin = time.monotonic()
    asked = [_ask(port, requests, begin + seconds) for _ in range(connections)]
    latencies = itertools.chain.from_iterable(await asyncio.gather(*asked))
    return Load(sorted(latencies), time.monotonic() - begin)


async def _ask(port: int, requests: Iterator[bytes], deadline: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    latencies_ms = []
    while (sent_at := time.monotonic()) < deadline and (prepared := next(requests, None)) is not None:
        writer.write(prepared)
        head = await reader.readuntil(b"\r\n\r\n")
        length = CONTENT_LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        if not head.startswith(b"HTTP/1.1 20"):
            raise UnexpectedAnswer((head + body)[:500].decode(errors="replace"))
        latencies_ms.append((time.monotonic() - sent_at) * 1_000)
    writer.close()
    await writer.wait_closed()
    return latencies_ms
