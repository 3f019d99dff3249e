"""A client that costs little: keep-alive connections that send prepared requests, as fast as they are answered."""

import asyncio
import contextlib
import gc
import itertools
import json
import re
import selectors
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

CONTENT_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
ANSWER_TIMEOUT_S: Final = 60


class UnexpectedAnswer(Exception):
    """An answer other than a success: the measurement would be of something else."""


@dataclass(frozen=True)
class Load:
    """What was answered within the time."""

    latencies_ms: list[float]
    """In ascending order."""
    seconds: float
    refused: int = 0
    """How many answers were a 503 after which the request was sent again."""

    @property
    def requests_per_s(self) -> float:
        return len(self.latencies_ms) / self.seconds

    def percentile_ms(self, percent: int) -> float:
        return self.latencies_ms[min(len(self.latencies_ms) - 1, len(self.latencies_ms) * percent // 100)]


def request(method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> bytes:
    """A body is sent as JSON; None is none."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def measure(
    port: int,
    requests: Sequence[bytes] | Iterator[bytes],
    *,
    connections: int,
    seconds: float,
    least: int = 0,
    retry_after_s: float | None = None,
) -> Load:
    """Send `requests`, in turn and from the beginning again if it is a list, for as long as that or until there are none.

    At least `least` are sent, however long they take. Each connection sends its next request when the last one is
    answered. One that got a 503 is sent again after `retry_after_s`, if that is given, until it succeeds: its latency
    counts from the first time. Raises UnexpectedAnswer.
    """
    return _run(_measure(port, _endless(requests), connections, seconds, least, retry_after_s))


def _endless(requests: Sequence[bytes] | Iterator[bytes]) -> Iterator[bytes]:
    return itertools.cycle(requests) if isinstance(requests, Sequence) else requests


def _run(measuring: Coroutine[Any, Any, Load]) -> Load:
    # select() wakes up to the microsecond where epoll's timeout, as asyncio uses it, has milliseconds.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        gc.collect()
        gc.disable()  # a collection here would look like a slow answer there
        try:
            return runner.run(measuring)
        finally:
            gc.enable()


class _Connection(asyncio.Protocol):
    """One request at a time; `on_answer` is called with the instant of each answer's last byte."""

    def __init__(self, failed: asyncio.Future[None], retry_after_s: float | None = None) -> None:
        self.on_answer: Callable[[_Connection], None] = lambda _: None
        self._failed, self._received, self._is_asking = failed, b"", False
        self.refused = 0
        self._retry_after_s, self._asked = retry_after_s, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def ask(self, prepared: bytes) -> None:
        self._is_asking, self._asked = True, prepared
        self.transport.write(prepared)

    def _ask_again(self) -> None:
        if not self.transport.is_closing():
            self.ask(self._asked)

    def data_received(self, data: bytes) -> None:
        self._received = received = self._received + data
        end = received.find(b"\r\n\r\n")
        if end < 0:
            return
        length = CONTENT_LENGTH.search(received, 0, end + 2)
        if len(received) < end + 4 + (int(length[1]) if length else 0):
            return
        self._received, self._is_asking = b"", False
        if self._retry_after_s is not None and received.startswith(b"HTTP/1.1 503"):
            self.refused += 1
            asyncio.get_running_loop().call_later(self._retry_after_s, self._ask_again)
            return
        if not received.startswith(b"HTTP/1.1 20") or not (length or received.startswith(b"HTTP/1.1 204")):
            self._fail(received[:500].decode(errors="replace"))
            return
        self.on_answer(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self._is_asking:
            self._fail(f"the connection ended before an answer ({error})")

    def _fail(self, reason: str) -> None:
        if not self._failed.done():
            self._failed.set_exception(UnexpectedAnswer(reason))


@contextlib.asynccontextmanager
async def _connected(
    port: int, count: int, failed: asyncio.Future[None], retry_after_s: float | None = None
) -> AsyncIterator[list[_Connection]]:
    loop = asyncio.get_running_loop()

    make = partial(_Connection, failed, retry_after_s)
    made = [(await loop.create_connection(make, "127.0.0.1", port))[1] for _ in range(count)]
    try:
        yield made
    finally:
        failed.cancel()  # what is not answered by now no longer counts
        for connection in made:
            connection.transport.abort()
        await asyncio.sleep(0)  # a turn, in which the sockets are closed


async def _measure(
    port: int, requests: Iterator[bytes], count: int, seconds: float, least: int, retry_after_s: float | None
) -> Load:
    finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    latencies_ms: list[float] = []
    sent_at: dict[_Connection, float] = {}
    async with _connected(port, count, finished, retry_after_s) as connections:
        begin = time.monotonic()
        deadline, working = begin + seconds, {*connections}

        def ask_next(connection: _Connection) -> None:
            goes_on = time.monotonic() < deadline or connection not in sent_at or len(latencies_ms) < least
            prepared = next(requests, None) if goes_on else None
            if prepared is None:
                working.discard(connection)
                if not working and not finished.done():
                    finished.set_result(None)
                return
            sent_at[connection] = time.monotonic()
            connection.ask(prepared)

        def answered(connection: _Connection) -> None:
            latencies_ms.append((time.monotonic() - sent_at[connection]) * 1_000)
            ask_next(connection)

        for connection in connections:
            connection.on_answer = answered
            ask_next(connection)
        async with asyncio.timeout(seconds + (1 + least) * ANSWER_TIMEOUT_S):
            await finished
        refused = sum(connection.refused for connection in connections)
        return Load(sorted(latencies_ms), time.monotonic() - begin, refused)
