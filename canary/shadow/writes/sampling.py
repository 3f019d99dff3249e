"""Sample writes of v1 while they are answered, in a server process.

The state has to be that from before the write. So a thread beside the requests holds a snapshot, for half a second or
until a write was run on it. The handlers run after the answer is sent, one write at a time, within a share of a core.

A snapshot keeps a connection of a pooler, and SQLite from starting its log over. So the thread rests nine times as
long as it held one, whether a write was taken or not: it holds one for at most a tenth of the time.
"""

import os
import queue
import random
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from canary import server
from canary.conf import canary_conf
from canary.core.shadow_writes import FULL_BP
from canary.core.values import CANDIDATE, STABLE, Decision, Snapshot
from canary.requests.black_box import REPEAT
from canary.requests.in_flight import flights
from canary.retiring.successors import below_base, declared_successors
from canary.shadow.asking import request_of
from canary.shadow.caution import Caution
from canary.shadow.offering import FAULTS, READER, SLACK_S, Budget, read_of
from canary.shadow.reading import Outcome
from canary.shadow.watchdog import OverdueError, Watchdog
from canary.shadow.writes.engines import engine
from canary.shadow.writes.pairs import METHODS, WritePair, is_json, prepare_write
from canary.shadow.writes.running import Write
from canary.state.store import current_snapshot

NAME: Final = "shadow-writes"
BODY_MAX: Final = 65_536
TURN_S: Final = 0.2
HOLD_S: Final = 0.5
"""How old the snapshot is at most as a write arrives. It lacks rows that are younger."""
RESTS: Final = (9.0, 11.0)
"""How many times as long as it held a snapshot the thread rests, drawn so that processes do not go in step."""
REST_MAX_S: Final = 600.0
"""More than nine times as long as a snapshot is held with the longest `TIMEOUT_S`."""
IDLE_S: Final = 10.0
"""After this long without a write no snapshot is held, and the thread ends, and its database connection with it."""
LEFT_OUT: Final = "HTTP_IDEMPOTENCY_KEY"
"""With it a handler answers as it did before, and does nothing."""
type Place = queue.SimpleQueue[tuple[Write, int]]
"""Takes one write with the status of its answer."""

DROPPED: Final = Outcome("", "dropped")
UNUSED: Final = Outcome("", "")
"""No write was taken while the snapshot was held."""


class WriteSampler:
    """One a process. It takes turns from the first write on that is fit for it."""

    def __init__(self) -> None:
        self.watchdog, self.caution = Watchdog("canary-shadow-writes"), Caution()
        self._budget = Budget(time.monotonic())
        self.forget()

    def forget(self) -> None:
        """Begin again, in a child too: the threads and what they waited for stayed with the parent."""
        self.watchdog.forget()
        self._lock = threading.Lock()
        self.place: Place | None = None
        """Where the next write that is chosen is put; None while no snapshot waits for one."""
        self._noted = ExitStack()
        self._pair: WritePair | None = None
        """The one that runs."""
        self._wanted_at = self._began_at = float("-inf")

    def begin(self, request: HttpRequest, decision: Decision, snapshot: Snapshot) -> Place | None:
        """Return the place for a write that is chosen; its body is read then. Called before a version sees it."""
        conf = canary_conf().shadow_writes
        if conf is None or not conf.share_bp or not _is_fit(request, decision, snapshot):
            return None
        self._wanted_at = time.monotonic()
        if NAME not in server.tasks:
            self._take_turns()
        if random.random() * FULL_BP >= conf.share_bp:  # noqa: S311  a sample
            return None
        if not _is_mapped(request):  # a flood of these takes no other write's place
            READER.tally.count(snapshot.release, "", "unmapped")
            return None
        place = None
        if self.place is not None:
            request.body  # noqa: B018  kept for the view and for us
            with self._lock:
                place, self.place = self.place, None
        if place is None:
            READER.tally.count(snapshot.release, "", "dropped")
        return place

    def _take_turns(self) -> None:
        with self._lock:
            if NAME not in server.tasks:
                server.every(REST_MAX_S, self.take_turn, NAME, own_thread=True)

    def take_turn(self) -> float:
        """Hold a snapshot for a while, or until a write was run on it. Return the seconds to the next turn."""
        conf, now_s = canary_conf().shadow_writes, time.monotonic()
        if conf is None or now_s - self._wanted_at > IDLE_S:
            self.watchdog.rest()
            return TURN_S
        if not self._budget.has_left(canary_conf().shadow_cpu_bp, now_s):
            return TURN_S
        try:
            self._hold(conf.timeout_s)
        except Exception as error:  # the database is away, or threads hang: try again later
            FAULTS.record(error)
        return max(TURN_S, random.uniform(*RESTS) * (time.monotonic() - now_s))  # noqa: S311  no secret

    def _hold(self, timeout_s: float) -> None:
        """Hold a snapshot, and count what became of a write."""
        self._pair, self._began_at = None, float("inf")
        with ExitStack() as self._noted:  # this thread ends it, also if the handlers' thread hangs
            outcome = self._outcome(timeout_s)
        if outcome is None:
            return
        self._budget.spend(max(0.0, time.monotonic() - self._began_at))
        if outcome.error is not None and outcome.result != "unmapped":
            FAULTS.record(outcome.error)
        if outcome is not UNUSED:
            READER.tally.add(outcome, current_snapshot().release, is_public=False, now=canary_conf().now())

    def _outcome(self, timeout_s: float) -> Outcome | None:
        try:
            return self.watchdog.run(partial(self._run, timeout_s), HOLD_S + 2 * timeout_s + SLACK_S)
        except OverdueError as error:
            return self._pair.late(is_lost=error.is_lost) if self._pair else DROPPED

    def _run(self, timeout_s: float) -> Outcome | None:
        """Return the outcome of a write; UNUSED when there was none, and None where no snapshot may be held."""
        store = engine()
        if store.holds_up_writers():
            return None
        with store.transaction(HOLD_S + 2 * timeout_s) as guard:
            taken = self._wait(timeout_s)
            if isinstance(taken, Outcome):
                return taken
            self._began_at = time.monotonic()
            write, status = taken
            rollout = current_snapshot()
            if rollout.release != write.read.release or not self.caution.allows(rollout, time.monotonic()):
                return DROPPED
            pair = prepare_write(write, is_v2_first=random.random() < 0.5, expected=status)  # noqa: S311
            if isinstance(pair, Outcome):
                return pair
            self._pair = pair
            self._noted.enter_context(flights.noted(_of_candidate(write), Decision(CANDIDATE, REPEAT), rollout))
            return pair.run_within(store, guard)

    def _wait(self, timeout_s: float) -> tuple[Write, int] | Outcome:
        """Return a write that was taken and answered, and its status, or why there is none."""
        place: Place = queue.SimpleQueue()
        with self._lock:
            self.place = place
        try:
            return place.get(timeout=HOLD_S)
        except queue.Empty:
            with self._lock:
                was_free, self.place = self.place is place, None
        if was_free:
            return UNUSED
        try:
            return place.get(timeout=timeout_s)
        except queue.Empty:
            return DROPPED


def _is_fit(request: HttpRequest, decision: Decision, snapshot: Snapshot) -> bool:
    """Return whether v1 answers it, v2 may run, and its body is small and JSON, or there is none."""
    if decision.api_version != STABLE or snapshot.latched or not snapshot.is_candidate_enabled:
        return False
    if request.method not in METHODS or "HTTP_TRANSFER_ENCODING" in request.META:
        return False
    length = request.META.get("CONTENT_LENGTH") or "0"
    return length.isdecimal() and int(length) <= BODY_MAX and (length == "0" or is_json(str(request.content_type)))


def _is_mapped(request: HttpRequest) -> bool:
    declared = declared_successors()
    found = declared.find(str(request.method), below_base(request.path_info)) if declared else None
    return found is not None and found[0]["call"] is not None


def _write_of(request: HttpRequest, decision: Decision, snapshot: Snapshot) -> Write:
    read = read_of(request, decision, snapshot)
    meta = {name: value for name, value in read.meta.items() if name != LEFT_OUT}
    user = request.__dict__.get("_cached_user")  # of a browser's session, if the view has loaded it
    user_id = str(user.pk) if user is not None and user.is_authenticated else None
    read = replace(read, meta=meta, user_id=read.user_id or user_id)
    return Write(read, str(request.method), request.body, request.META.get("CONTENT_TYPE", ""))


def _of_candidate(write: Write) -> Any:
    path = below_base(write.read.path)
    return request_of(write.read, CANDIDATE, path, write.read.query, {"REQUEST_METHOD": write.method})


SAMPLER: Final = WriteSampler()


def shadowed(
    answer: Callable[[], HttpResponse], request: HttpRequest, decision: object, snapshot: Snapshot | None
) -> HttpResponse:
    """Return the answer to a write, which may be sampled."""
    if snapshot is None or not isinstance(decision, Decision):
        return answer()
    place = None
    try:
        place = SAMPLER.begin(request, decision, snapshot)
    except Exception as error:
        FAULTS.record(error)
    response = answer()
    if place is not None:
        try:
            taken = (_write_of(request, decision, snapshot), response.status_code)
            response._resource_closers.append(partial(place.put, taken))  # type: ignore[attr-defined]
        except Exception as error:
            FAULTS.record(error)
    return response


os.register_at_fork(before=SAMPLER.watchdog.rest, after_in_child=SAMPLER.forget)
