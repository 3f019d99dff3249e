"""Visitors who go on asking through the proxy whatever happens behind it, and an exact count of what they were told.

What HTTP clients repeat by themselves is told apart from failures: a kept connection that turns out to be closed when the
next request is sent on it, before any answer (RFC 9112, section 9.3.1). A request on a new connection is never repeated.
"""

import contextlib
import http.client
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.servers import HOST
from tests.stalls import fair_time

PATHS: Final = ("/api/posts?limit=5", "/api", "/api/v1/posts?limit=2", "/api/v2/tags?limit=2")
CLIENTS: Final = 100
PAUSE_S: Final = 0.01
# 502 when the process that had the request in hand is gone, 409 for as long as PostgreSQL has not noticed that it is and
# holds the key: what SDKs repeat, pausing twice as long each time. The last pauses are for a second process that goes while
# the proxy still leaves the first one alone, when some of the repetitions meet the second as it dies, and for machines on which
# either takes seconds.
PASSING: Final = (409, 502)
REPETITIONS_S: Final = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
CLOSED: Final = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


@dataclass(frozen=True)
class Told:
    began_at: float
    client: str
    path: str
    status: int
    version: str
    body: bytes


@dataclass
class Visitors:
    """`readers` keep their connections; each of `writers` posts with an Idempotency-Key, on a new connection each time."""

    port: int
    key: str = ""
    readers: int = 4
    writers: int = 0
    is_patient: bool = False
    """Whether a writer sends the same again where clients with such a key do, see REPETITIONS_S."""
    told: list[Told] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    reopened: int = 0
    repeated: int = 0
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def sent(self) -> int:
        return len(self.told) + len(self.broken)

    @property
    def failed(self) -> list[str]:
        """Everything but 2xx, and requests without an answer."""
        wrong = [f"{one.status} {one.path} {one.body[:200]!r}" for one in self.told if not 200 <= one.status < 300]
        return wrong + self.broken

    @property
    def statuses(self) -> Counter[int]:
        return Counter(one.status for one in self.told)

    @property
    def summary(self) -> str:
        posts = sum(one.path == "/api/v2/posts" for one in self.told)
        return (
            f"{self.sent} requests sent ({posts} of them posts), {len(self.failed)} failed, {self.reopened} repeated by the "
            f"client on a kept connection that was closed, {self.repeated} posts repeated under their Idempotency-Key"
        )

    @contextlib.contextmanager
    def visiting(self) -> Iterator[None]:
        """All have been answered once when the block begins."""
        stop = threading.Event()
        threads = [threading.Thread(target=self._read, args=(stop,)) for _ in range(self.readers)]
        threads += [threading.Thread(target=self._write, args=(stop,)) for _ in range(self.writers)]
        for thread in threads:
            thread.start()
        try:
            self.more(2 * len(threads))
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def more(self, requests: int, within_s: float = 180) -> None:
        """Wait until so many more are answered."""
        wanted, deadline = self.sent + requests, time.monotonic() + within_s
        while self.sent < wanted:
            assert time.monotonic() < deadline, f"only {self.sent} of {wanted} in {within_s} s: {self.failed[:3]}"
            time.sleep(0.02)

    def since(self, moment: float) -> list[Told]:
        return [one for one in [*self.told] if one.began_at >= moment]

    def _read(self, stop: threading.Event) -> None:
        connection, is_new = self._connection(), True
        while not stop.wait(PAUSE_S):
            number = next(self._numbers)
            client, path = f"visitor-{number % CLIENTS}", PATHS[number // CLIENTS % len(PATHS)]
            try:
                self.told.append(_ask(connection, "GET", path, {"X-Client-Id": client}))
                is_new = False
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                connection = self._connection()
                if is_new or not isinstance(error, CLOSED):
                    self.broken.append(f"GET {path}: {error!r}")
                    continue
                self.reopened += 1
                is_new = True
        connection.close()

    def _write(self, stop: threading.Event) -> None:
        while not stop.wait(PAUSE_S):
            number = next(self._numbers)
            headers = {"X-API-Key": self.key, "Idempotency-Key": f"{id(self)}-{number}", "Connection": "close"}
            body = json.dumps({"title": f"Visitor's post {number}", "content": "Written meanwhile."})
            try:
                told = self._post(headers, body)
                for pause in REPETITIONS_S if self.is_patient else ():
                    if told.status not in PASSING:
                        break
                    self.repeated += 1
                    time.sleep(pause)
                    told = self._post(headers, body)
                self.told.append(told)
            except (OSError, http.client.HTTPException) as error:
                self.broken.append(f"POST: {error!r}")

    def _post(self, headers: dict[str, str], body: str) -> Told:
        with contextlib.closing(self._connection()) as connection:
            return _ask(connection, "POST", "/api/v2/posts", {**headers, "Content-Type": "application/json"}, body)

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(HOST, self.port, timeout=60)


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> Told:
    began_at = fair_time()
    connection.request(method, path, body=body, headers=headers)
    response = connection.getresponse()
    content = response.read()
    version = response.headers.get("API-Version", "")
    return Told(began_at, headers.get("X-Client-Id", ""), path, response.status, version, content)
