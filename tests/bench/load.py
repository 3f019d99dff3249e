"""A client that costs little: keep-alive connections that send prepared requests, as fast as they are answered or at a pace."""

import asyncio
import contextlib
import gc
import itertools
import json
import random
import re
import selectors
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

CONTENT_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
ANSWER_TIMEOUT_S: Final = 60
PACED_CONNECTIONS: Final = 32
PACED_MIN: Final = 20
"""Requests, however slow the pace: of fewer there is no 99th percentile to speak of."""


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
    is_patient: bool = False,
) -> Load:
    """Send `requests`, in turn and from the beginning again if it is a list, for as long as that or until there are none.

    Each connection sends its next request when the last one is answered. With `is_patient` it sends one that got a 503
    again at once, until it succeeds: its latency counts from the first time. Raises UnexpectedAnswer.
    """
    return _run(_measure(port, _endless(requests), connections, seconds, is_patient=is_patient))


def measure_paced(port: int, requests: Sequence[bytes], *, requests_per_s: float, seconds: float) -> Load:
    """Send `requests` at the instants of a Poisson process, whether or not the server keeps up; latency counts from them.

    So a server that falls behind is seen to, where a client that waits for its answers would wait along with it.
    """
    return _run(_measure_paced(port, itertools.cycle(requests), requests_per_s, seconds))


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

    def __init__(self, failed: asyncio.Future[None], *, is_patient: bool = False) -> None:
        self.on_answer: Callable[[_Connection], None] = lambda _: None
        self._failed, self._received, self._is_asking = failed, b"", False
        self._is_patient, self._asked = is_patient, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def ask(self, prepared: bytes) -> None:
        self._is_asking, self._asked = True, prepared
        self.transport.write(prepared)

    def data_received(self, data: bytes) -> None:
        self._received = received = self._received + data
        end = received.find(b"\r\n\r\n")
        if end < 0:
            return
        length = CONTENT_LENGTH.search(received, 0, end + 2)
        if len(received) < end + 4 + (int(length[1]) if length else 0):
            return
        self._received, self._is_asking = b"", False
        if self._is_patient and received.startswith(b"HTTP/1.1 503"):
            self.ask(self._asked)
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
    port: int, count: int, failed: asyncio.Future[None], *, is_patient: bool = False
) -> AsyncIterator[list[_Connection]]:
    loop = asyncio.get_running_loop()

    make = partial(_Connection, failed, is_patient=is_patient)
    made = [(await loop.create_connection(make, "127.0.0.1", port))[1] for _ in range(count)]
    try:
        yield made
    finally:
        failed.cancel()  # what is not answered by now no longer counts
        for connection in made:
            connection.transport.abort()
        await asyncio.sleep(0)  # a turn, in which the sockets are closed


async def _measure(
    port: int, requests: Iterator[bytes], count: int, seconds: float, *, is_patient: bool = False
) -> Load:
    finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    latencies_ms: list[float] = []
    sent_at: dict[_Connection, float] = {}
    async with _connected(port, count, finished, is_patient=is_patient) as connections:
        begin = time.monotonic()
        deadline, working = begin + seconds, {*connections}

        def ask_next(connection: _Connection) -> None:
            prepared = next(requests, None) if time.monotonic() < deadline or connection not in sent_at else None
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
        async with asyncio.timeout(seconds + ANSWER_TIMEOUT_S):
            await finished
        return Load(sorted(latencies_ms), time.monotonic() - begin)


async def _measure_paced(port: int, requests: Iterator[bytes], requests_per_s: float, seconds: float) -> Load:
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = deque[float]()
    due_at: dict[_Connection, float] = {}
    latencies_ms: list[float] = []
    async with _connected(port, PACED_CONNECTIONS, failed) as connections:
        idle = deque(connections)

        def send() -> None:
            while idle and waiting:
                connection = idle.popleft()
                if connection.transport.is_closing():  # idle for longer than the server keeps one
                    continue
                due_at[connection] = waiting.popleft()
                connection.ask(next(requests))

        def answered(connection: _Connection) -> None:
            latencies_ms.append((time.monotonic() - due_at.pop(connection)) * 1_000)
            idle.append(connection)
            send()

        for connection in connections:
            connection.on_answer = answered
        begin = due = time.monotonic()
        draw = random.Random(0)
        for number in itertools.count():
            due += draw.expovariate(requests_per_s)
            if (due > begin + seconds and number >= PACED_MIN) or failed.done():
                break
            if (early_s := due - time.monotonic()) > 0:
                await asyncio.sleep(early_s)
            waiting.append(due)
            send()
        await _drained(lambda: bool(waiting or due_at), failed)
        return Load(sorted(latencies_ms), time.monotonic() - begin)


async def _drained(is_pending: Callable[[], bool], failed: asyncio.Future[None]) -> None:
    deadline = time.monotonic() + ANSWER_TIMEOUT_S
    while is_pending() and not failed.done():
        if time.monotonic() > deadline:
            raise UnexpectedAnswer(f"no answer within {ANSWER_TIMEOUT_S} s")
        await asyncio.sleep(0.001)
    if failed.done():
        failed.result()
