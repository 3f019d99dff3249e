"""The requests that this process is answering now: each is here from its start until its answer is sent."""

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from django.http import HttpRequest

from canary.core.values import VERSIONS, Decision, Snapshot
from canary.requests.black_box import BlackBox
from canary.requests.sharing import Holders, Shares, holders_of


class Body:
    """The body of a request, and how long views have waited for the client to send it."""

    def __init__(self, stream: Any) -> None:
        self._stream, self.is_awaited, self.awaited_ns = stream, False, 0

    def read(self, *size: int) -> bytes:
        with self._waiting():
            return self._stream.read(*size)  # type: ignore[no-any-return]

    def readline(self, *size: int) -> bytes:
        with self._waiting():
            return self._stream.readline(*size)  # type: ignore[no-any-return]

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        self.is_awaited, began_ns = True, time.perf_counter_ns()
        try:
            yield
        finally:
            self.awaited_ns += time.perf_counter_ns() - began_ns
            self.is_awaited = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _watched_body(request: Any) -> Body | None:
    """Have the body of a request watched from here on. Return None without one."""
    stream = getattr(request, "_stream", None)
    if isinstance(stream, Body):
        return stream
    if not getattr(stream, "limit", 0):
        return None
    request._stream = body = Body(stream)
    return body


class Flight:
    """One request that a version is answering. `started_ns` is of `time.perf_counter_ns`.

    `is_answered`: the view has returned and its answer is being sent, which takes as long as the client takes. `told`:
    its outcome has been recorded before there was one; see `InFlight.tell`. `slot`: where the black box keeps it.
    `holders`: who holds its place, where places are bounded.
    """

    __slots__ = (
        *("api_version", "body", "decision", "holders", "is_answered", "request", "slot", "snapshot", "started_ns"),
        "told",
    )

    def __init__(self, request: HttpRequest, decision: Decision, snapshot: Snapshot | None, started_ns: int) -> None:
        self.request, self.decision, self.snapshot, self.started_ns = request, decision, snapshot, started_ns
        self.api_version, self.is_answered, self.told = decision.api_version, False, False
        self.slot: int | None = None
        self.holders: Holders = ()
        self.body = _watched_body(request) if "CONTENT_LENGTH" in request.META else None

    @property
    def method(self) -> str:
        return self.request.method or ""

    @property
    def path(self) -> str:
        return self.request.path_info

    @property
    def route(self) -> str | None:
        """Return the template in the URLconf, None as long as nothing was resolved."""
        match = self.request.resolver_match
        return None if match is None else match.route

    def hangs(self, since_ns: int) -> bool:
        """Return whether the view has worked since then without an answer.

        The time in which it waits for the client to take the answer, or to send the body, is nobody's failure.
        """
        body = self.body
        if self.is_answered or (body is not None and body.is_awaited):
            return False
        return self.started_ns + (0 if body is None else body.awaited_ns) < since_ns


class InFlight:
    """Thread-safe. Its lock is held for less than a microsecond, and never while anything waits."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[int, set[Flight]] = {version: set() for version in VERSIONS}
        self._shares = Shares()
        self._dropped: deque[Flight] = deque()
        self.box: BlackBox | None = None
        """Tells others of the flights of a server process that is killed; None in other processes."""

    def enter(self, flight: Flight, most: int | None = None) -> bool:
        """Add a flight that begins now; False, and nothing, if `most` of its version leave none for its client."""
        holders = () if most is None else holders_of(flight.request)
        with self._lock:
            flights = self._flights[flight.api_version]
            if most is not None and not self._shares.take(holders, len(flights), most):
                return False
            flights.add(flight)
            flight.holders = holders
        box, snapshot = self.box, flight.snapshot
        if box is not None and snapshot is not None:
            flight.slot = box.note(flight.request, flight.decision, snapshot)
        return True

    def leave(self, flight: Flight) -> None:
        """End it; harmless when repeated. Who has done so reads in `told` whether to record the outcome."""
        with self._lock:
            self._flights[flight.api_version].discard(flight)
            if flight.holders:
                self._shares.give_back(flight.holders)
                flight.holders = ()
            self._erase(flight)

    def drop(self, flight: Flight) -> None:
        """Have it leave soon. For destructors, which may run in a thread that holds the lock."""
        self._dropped.append(flight)

    def leave_dropped(self) -> None:
        while self._dropped:
            self.leave(self._dropped.popleft())

    def await_client(self, flight: Flight) -> None:
        """Note that its view has returned, and its response is being sent; it is still to leave."""
        with self._lock:
            flight.is_answered = True
            self._erase(flight)

    def await_view(self, flight: Flight) -> None:
        """Note that the view makes the next part of its response, or closes it, and begins with it now."""
        box, snapshot = self.box, flight.snapshot
        slot = None
        if box is not None and snapshot is not None:
            slot = box.note(flight.request, flight.decision, snapshot)
        with self._lock:
            self._erase(flight)
            flight.is_answered, flight.started_ns, flight.slot = False, time.perf_counter_ns(), slot
            if flight.body is not None:
                flight.body.awaited_ns = 0
            if flight.told and box is not None and slot is not None:
                box.mark_told(slot)

    def tell(self, flight: Flight) -> bool:
        """Return whether the caller is to record a flight as one that hangs: False once its view has returned."""
        with self._lock:
            is_waiting = flight in self._flights[flight.api_version] and not flight.is_answered
            is_first = is_waiting and not flight.told
            flight.told = flight.told or is_first
            if is_first and self.box is not None and flight.slot is not None:
                self.box.mark_told(flight.slot)
            return is_first

    @contextlib.contextmanager
    def noted(self, request: HttpRequest, decision: Decision, snapshot: Snapshot) -> Iterator[None]:
        """Have the black box report the block, in which no client waits, if the process dies of it."""
        box = self.box
        slot = box.note(request, decision, snapshot) if box is not None else None
        try:
            yield
        finally:
            if box is not None and slot is not None:
                box.clear(slot)

    def counts(self) -> dict[int, int]:
        """Return how many requests of each version are in flight, including those whose response is being sent."""
        return {version: len(flights) for version, flights in self._flights.items()}

    def hang(self, api_version: int, for_s: float) -> bool:
        """Return whether there are flights of this version, and all have waited for that long for their view."""
        since_ns = time.perf_counter_ns() - int(for_s * 1e9)
        with self._lock:
            flights = self._flights[api_version]
            return bool(flights) and all(one.hangs(since_ns) for one in flights)

    def _erase(self, flight: Flight) -> None:
        """Erase it from the black box. The caller holds the lock: the slot may be another flight's in a moment."""
        if flight.slot is not None and self.box is not None:
            self.box.clear(flight.slot)
            flight.slot = None

    def __iter__(self) -> Iterator[Flight]:
        """Return the flights of this moment that wait for their response."""
        with self._lock:
            found = [flight for flights in self._flights.values() for flight in flights if not flight.is_answered]
        return iter(found)


flights: Final = InFlight()
# Threads of the parent don't go on in a child, and one of them may have held the lock.
os.register_at_fork(after_in_child=flights.clear)
