"""One client of the site, and what may be answered to it: everything else is written down as wrong."""

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.chaos.ledger import Ledger
from tests.chaos.weather import Weather
from tests.servers import HOST

TIMEOUT_S: Final = 60.0
CLOSED: Final = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
OUTAGE: Final = frozenset({502, 503, 504})


class Unanswered(Exception):
    """No answer at all: the request may have been done or not."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """By their names in small letters."""
    body: bytes
    began_at: float
    ended_at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The last word of a problem's type; empty for what is none."""
        with contextlib.suppress(ValueError, AttributeError):
            return str(self.json.get("type", "")).rpartition(":")[2]
        return ""


@dataclass
class Judge:
    """Of all clients together."""

    ledger: Ledger
    weather: Weather
    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    slowest_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def accept(self, kind: str, what: str, answer: Answer, expected: Collection[int]) -> bool:
        """Whether it is one of the expected statuses. Another one is wrong, unless a fault excuses it."""
        with self._lock:
            self.counts[kind, answer.status] += 1
            self.slowest_s = max(self.slowest_s, answer.ended_at - answer.began_at)
        if answer.status in expected:
            return True
        if answer.status >= 500 and (fault := fault_of_outage(answer)):
            self._accuse(f"{what}: {fault}", answer)
        elif not self.weather.excuses(answer.status, kind, answer.began_at, answer.ended_at):
            self._accuse(f"{what}: {answer.status}, which nothing excuses", answer)
        return False

    def may_be_a_repeat(self, kind: str, answer: Answer) -> bool:
        """Whether it refuses what was done already, while a web process was dying: the proxy sent it a second time."""
        is_done = answer.problem == "invalid-transition"
        return is_done and self.weather.excuses(502, kind, answer.began_at, answer.ended_at)

    def miss(self, kind: str, what: str, error: Exception, began_at: float) -> None:
        """A request without a whole answer: the proxy is always there, but a killed web process may cut an answer off."""
        ended_at = time.monotonic()
        with self._lock:
            self.counts[kind, 0] += 1
        if not self.weather.excuses(502, kind, began_at, ended_at):
            names = ", ".join(self.weather.names(began_at, ended_at)) or "none"
            self.ledger.accuse(f"{what} got no answer: {error!r} (faults: {names})")

    def _accuse(self, sentence: str, answer: Answer) -> None:
        names = ", ".join(self.weather.names(answer.began_at, answer.ended_at)) or "none"
        self.ledger.accuse(f"{sentence} (faults: {names}): {answer.body[:300]!r}")


def fault_of_outage(answer: Answer) -> str:
    """What is wrong with an answer of 500 or more, apart from its moment; empty when it is in shape."""
    if answer.status not in OUTAGE:
        return f"{answer.status} is no outage"
    if answer.status in (502, 504):
        return "" if b"nginx" in answer.body else f"{answer.status} that is not the proxy's"
    if not answer.headers.get("retry-after", "").isdigit():
        return "503 without Retry-After"
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if answer.headers.get("api-version") == "1":
        is_ours = kind == "application/json" and answer.json.get("success") is False
    else:
        is_ours = kind == "application/problem+json" and answer.json.get("status") == 503
    return "" if is_ours else f"503 in another shape than its version's ({kind})"


@dataclass
class Asker:
    """Keeps its connection, and opens another one when the proxy has closed it meanwhile."""

    port: int
    _connection: http.client.HTTPConnection | None = None

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Raises Unanswered. Only a request that changes nothing is sent on a connection that may be closed."""
        began_at = time.monotonic()
        if method != "GET":
            self.close()
        is_kept = self._connection is not None
        try:
            try:
                return self._send(method, path, body, headers or {}, began_at)
            except CLOSED:
                self.close()
                if not is_kept:
                    raise
                return self._send(method, path, body, headers or {}, began_at)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unanswered(repr(error)) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], began_at: float) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(HOST, self.port, timeout=TIMEOUT_S)
        self._connection.request(method, path, body=body, headers=dict(headers))
        response = self._connection.getresponse()
        content = response.read()
        told = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, told, content, began_at, time.monotonic())
