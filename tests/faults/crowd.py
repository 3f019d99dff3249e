"""Clients that go on asking whatever happens, and what they were told and when."""

import contextlib
import itertools
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.stalls import fair_time


@dataclass(frozen=True)
class Told:
    kind: str
    began_at: float
    took_s: float
    answer: httpx.Response

    @property
    def status(self) -> int:
        return self.answer.status_code


type Ask = Callable[[httpx.Client, int], httpx.Response]


@dataclass
class Crowd:
    """One client of each kind that `asks` names, with one connection that it keeps: it is always the same worker's."""

    base_url: str
    asks: dict[str, Ask]
    broken: list[str] = field(default_factory=list)
    """Requests that got no answer at all."""
    held_back: set[str] = field(default_factory=set)
    """Kinds that don't ask for now."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _told: dict[str, list[Told]] = field(default_factory=lambda: defaultdict(list))

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        stop = threading.Event()
        threads = [threading.Thread(target=self._go_on, args=(kind, ask, stop)) for kind, ask in self.asks.items()]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _go_on(self, kind: str, ask: Ask, stop: threading.Event) -> None:
        limits = httpx.Limits(keepalive_expiry=None)
        with httpx.Client(base_url=self.base_url, timeout=60, limits=limits) as client:
            while not stop.wait(0.03):
                if kind in self.held_back:
                    continue
                began_at = fair_time()
                try:
                    answer = ask(client, next(self._numbers))
                except httpx.HTTPError as error:
                    self.broken.append(f"{kind}: {error!r}")
                else:
                    self._told[kind].append(Told(kind, began_at, fair_time() - began_at, answer))

    @property
    def told(self) -> list[Told]:
        return [told for kind in self.asks for told in self._told[kind]]

    def of(self, *kinds: str, since: float = 0.0, until: float = float("inf")) -> list[Told]:
        """Those that began and ended within these instants of the fair clock."""
        return [
            told
            for kind in kinds
            for told in [*self._told[kind]]
            if since <= told.began_at and told.began_at + told.took_s < until
        ]

    def wait_for(self, *kinds: str, since: float, times: int = 3) -> None:
        """Until each of these kinds has been told so often what it asked after `since`."""
        deadline = time.monotonic() + 180
        for kind in kinds:
            while len(told := self._told[kind]) < times or told[-times].began_at < since:
                assert time.monotonic() < deadline, (kind, self.broken)
                time.sleep(0.02)


def is_refusal_in_shape(told: Told) -> bool:
    """A 503 that says when to come again, in the words of the version that was asked."""
    if told.status != 503 or not told.answer.headers.get("Retry-After", "").isdigit():
        return False
    kind = told.answer.headers["Content-Type"].partition(";")[0]
    if told.kind == "page":
        return kind == "text/html" and "Please try again" in told.answer.text
    body: Any = json.loads(told.answer.content)
    if told.answer.headers["API-Version"] == "1":
        return kind == "application/json" and body["success"] is False and body["error"] == "Service unavailable"
    return kind == "application/problem+json" and body["type"].endswith(":unavailable") and body["status"] == 503
