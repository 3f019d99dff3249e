"""Visitors of the published ports: single requests, and threads that keep asking while something is done to a container."""

import collections
import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

HOST: Final = "127.0.0.1"
PORT: Final = 8000
READS: Final = ("/api/posts", "/api/v1/posts", "/api/v2/posts", "/readyz")
REQUESTS_MAX: Final = 20_000

type Answer = tuple[int, http.client.HTTPMessage, bytes]
type Connection = http.client.HTTPConnection


def connect(port: int = PORT) -> Connection:
    return http.client.HTTPConnection(HOST, port, timeout=30)


def ask(
    path: str,
    method: str = "GET",
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    *,
    port: int = PORT,
    kept: Connection | None = None,
) -> Answer:
    """Send one request, on a connection of its own unless one is `kept`. `body` is sent as JSON unless it is bytes.

    Raise OSError or HTTPException without an answer.
    """
    sent = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body, sent = json.dumps(body).encode(), {"Content-Type": "application/json", **sent}
    connection = kept or connect(port)
    try:
        connection.request(method, path, body=body, headers=sent)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        if kept is None:
            connection.close()


def status_of(path: str, port: int = PORT) -> int | str:
    """Return the status, or why there is none."""
    try:
        return ask(path, port=port)[0]
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__


class Load:
    """Readers until the block ends; every failure is kept with the second in which its request began.

    With `write` there is a writer too, and a reader and a writer that keep their connections.
    """

    def __init__(
        self,
        *,
        readers: int = 4,
        paths: tuple[str, ...] = READS,
        write: Callable[[Connection | None], int] | None = None,
    ):
        self.failed: list[tuple[float, str, object]] = []
        self.statuses: collections.Counter[int] = collections.Counter()
        self.written = 0
        self._lock = threading.Lock()
        self.slowest_s = 0.0
        self._paths, self._stop = paths, threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(number,)) for number in range(readers)]
        if write is not None:
            kept = (connect(), connect())
            self._threads.append(threading.Thread(target=self._read, args=(readers, kept[0])))
            self._threads += [threading.Thread(target=self._write, args=(write, each)) for each in (None, kept[1])]
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _value: object, _trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def __str__(self) -> str:
        told = f"{self.statuses.total():,} requests in {self.seconds():.0f} s, {self.written} of them writes"
        return f"{told}, {len(self.failed)} failed, slowest {self.slowest_s:.1f} s{self._failures()}"

    def seconds(self) -> float:
        """Return how long it has run."""
        return time.monotonic() - self._began

    def calm_s(self) -> float:
        """Return how long ago the last request began that failed, or the first one if none did."""
        return self.seconds() - max((second for second, _, _ in self.failed), default=0.0)

    def unanswered(self, kills: int) -> list[tuple[float, str, object]]:
        """Return the failures without responses that a killed process had begun: no proxy can repeat those.

        A kill cuts off at most one response of each thread. More than that are all returned.
        """
        others = [failure for failure in self.failed if "IncompleteRead" not in str(failure[2])]
        cut_off = len(self.failed) - len(others)
        return others if cut_off <= kills * len(self._threads) else self.failed

    def _failures(self) -> str:
        told = [f"{name} {failure} at {second:.1f} s" for second, name, failure in self.failed[:5]]
        return f": {'; '.join(told)}" if told else ""

    def _read(self, number: int, kept: Connection | None = None) -> None:
        for turn in range(REQUESTS_MAX):
            if self._stop.wait(0.05):
                return
            path, client = self._paths[turn % len(self._paths)], {"X-Client-Id": f"load-{number}-{turn % 20}"}
            self._count(path, partial(_status, path, client, kept), 200)

    def _write(self, write: Callable[[Connection | None], int], kept: Connection | None) -> None:
        for _ in range(REQUESTS_MAX):
            if self._stop.wait(0.05):
                return
            is_written = self._count("write", partial(write, kept), 201)
            with self._lock:
                self.written += is_written

    def _count(self, name: str, request: Callable[[], int], expected: int) -> bool:
        began = time.monotonic()
        try:
            status: int | None = request()
            failure: object = status
        except (OSError, http.client.HTTPException) as error:
            status, failure = None, repr(error)[:80]
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        with self._lock:
            self.statuses[status or 0] += 1
        if status != expected:
            self.failed.append((began - self._began, name, failure))
        return status == expected


def _status(path: str, headers: Mapping[str, str], kept: Connection | None) -> int:
    return ask(path, headers=headers, kept=kept)[0]
