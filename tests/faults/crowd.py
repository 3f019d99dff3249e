"""Clients that go on asking whatever happens, and what they were told and when."""

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx


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
    """One thread and one kept connection for each client; `asks` by kind, as many of each as `clients` says."""

    base_url: str
    asks: dict[str, Ask]
    clients: int = 1
    told: list[Told] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Requests that got no answer at all."""
    held_back: set[str] = field(default_factory=set)
    """Kinds that don't ask for now."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        stop = threading.Event()
        everybody = [(kind, ask) for kind, ask in self.asks.items() for _ in range(self.clients)]
        threads = [threading.Thread(target=self._go_on, args=(kind, ask, stop)) for kind, ask in everybody]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _go_on(self, kind: str, ask: Ask, stop: threading.Event) -> None:
        # Shorter than gunicorn keeps an idle connection: a write on one that is being closed can't be repeated.
        limits = httpx.Limits(keepalive_expiry=1.0)
        with httpx.Client(base_url=self.base_url, timeout=30, limits=limits) as client:
            while not stop.wait(0.02):
                if kind in self.held_back:
                    continue
                began_at = time.monotonic()
                try:
                    answer = ask(client, next(self._numbers))
                except httpx.HTTPError as error:
                    self.broken.append(f"{kind}: {error!r}")
                else:
                    self.told.append(Told(kind, began_at, time.monotonic() - began_at, answer))

    def of(self, *kinds: str, since: float = 0.0, until: float = float("inf")) -> list[Told]:
        """Those that began within these instants of the monotonic clock."""
        return [told for told in self.told if told.kind in kinds and since <= told.began_at < until]


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


def percentile(values: list[float], percent: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]
