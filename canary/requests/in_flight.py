"""The requests that this process is answering now: each is here from its start until its answer is sent."""

import os
import threading
import time
from collections.abc import Iterator
from typing import Final

from django.http import HttpRequest

from canary.core.values import VERSIONS, Decision, Snapshot


class Flight:
    """One request that a version is answering. `started_ns` is of `time.perf_counter_ns`."""

    __slots__ = ("api_version", "decision", "is_answered", "request", "snapshot", "started_ns", "told")

    def __init__(self, request: HttpRequest, decision: Decision, snapshot: Snapshot | None) -> None:
        self.request, self.decision, self.snapshot = request, decision, snapshot
        self.api_version = decision.api_version
        self.started_ns = time.perf_counter_ns()
        self.is_answered = False
        """Whether the view has returned and its answer is being sent, which takes as long as the client takes."""
        self.told = False
        """Whether its outcome has been recorded; see `InFlight.tell`."""

    @property
    def method(self) -> str:
        return self.request.method or ""

    @property
    def path(self) -> str:
        return self.request.path_info

    @property
    def route(self) -> str | None:
        """The template in the URLconf, None as long as nothing was resolved."""
        match = self.request.resolver_match
        return None if match is None else match.route


class InFlight:
    """Thread-safe. Its lock is held for less than a microsecond, and never while anything waits."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[int, set[Flight]] = {version: set() for version in VERSIONS}

    def enter(
        self, request: HttpRequest, decision: Decision, snapshot: Snapshot | None, most: int | None = None
    ) -> Flight | None:
        """Return the flight of a request that begins now, or None if `most` of its version are in flight already."""
        flight = Flight(request, decision, snapshot)
        with self._lock:
            flights = self._flights[flight.api_version]
            if most is not None and len(flights) >= most:
                return None
            flights.add(flight)
            return flight

    def leave(self, flight: Flight) -> None:
        """End it; harmless when repeated."""
        with self._lock:
            self._flights[flight.api_version].discard(flight)

    def tell(self, flight: Flight) -> bool:
        """Return whether the caller is to record the outcome: True once for each flight, to the first that asks."""
        with self._lock:
            is_first, flight.told = not flight.told, True
            return is_first

    def counts(self) -> dict[int, int]:
        """How many requests of each version are in flight, those included whose answer is being sent."""
        return {version: len(flights) for version, flights in self._flights.items()}

    def hang(self, api_version: int, for_s: float) -> bool:
        """Return whether there are flights of this version, and all have waited for longer than that for an answer."""
        since_ns = time.perf_counter_ns() - int(for_s * 1e9)
        with self._lock:
            flights = self._flights[api_version]
            return bool(flights) and all(not one.is_answered and one.started_ns < since_ns for one in flights)

    def __iter__(self) -> Iterator[Flight]:
        """The flights of this moment that wait for their answer."""
        with self._lock:
            found = [flight for flights in self._flights.values() for flight in flights if not flight.is_answered]
        return iter(found)


flights: Final = InFlight()
# Threads of the parent don't go on in a child, and one of them may have held the lock.
os.register_at_fork(after_in_child=flights.clear)
