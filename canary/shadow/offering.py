"""Shadow reads: a sampled share of v1's reads, repeated on both versions in the background and compared.

The request's own thread only puts them into a queue that drops what it can't hold. See `reading` for the reading,
`results` for what becomes of it.
"""

import queue
import random
import time
from functools import partial
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from canary.conf import canary_conf
from canary.core.values import V1, Decision, Snapshot
from canary.requests.faults import FaultLog
from canary.server import every
from canary.shadow.reading import Outcome, Read, read_both
from canary.shadow.results import Tally
from canary.state.store import current_snapshot

QUEUE_MAX: Final = 100
TURN_S: Final = 0.2
FLUSH_S: Final = 5.0
FULL_BP: Final = 10_000
# What makes an answer shorter or another one, and what only says how it is sent. Cookies carry nothing a read depends on
# but browser sessions, whose requests aren't repeated.
LEFT_OUT: Final = frozenset(
    {
        *(
            "HTTP_COOKIE",
            "HTTP_IF_NONE_MATCH",
            "HTTP_IF_MODIFIED_SINCE",
            "HTTP_IF_MATCH",
            "HTTP_RANGE",
            "HTTP_IF_RANGE",
        ),
        *("HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING", "HTTP_CONNECTION", "HTTP_TRANSFER_ENCODING", "HTTP_API_VERSION"),
    }
)
KEPT: Final = frozenset({"REMOTE_ADDR", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "wsgi.url_scheme"})


FAULTS: Final = FaultLog()
"""Of reads, which are nothing that a client asked for: not counted with those of decisions."""


class Budget:
    """So much of one core, averaged: time is credited as it passes, at most a second's in advance, and debts are waited out.

    Spent is wall-clock time from a read's begin to its end, which is more than the CPU time of this process and less than
    that and the database's together.
    """

    def __init__(self, now_s: float) -> None:
        self._credit_s, self._at = 0.0, now_s

    def has_left(self, share_bp: int, now_s: float) -> bool:
        earned = (now_s - self._at) * share_bp / FULL_BP
        self._credit_s, self._at = min(self._credit_s + earned, share_bp / FULL_BP), now_s
        return self._credit_s > 0

    def spend(self, seconds: float) -> None:
        self._credit_s -= seconds


class ShadowReader:
    """One a process. Closed until its first turn: where nobody takes turns nothing is queued."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.is_open = False
        self._waiting: queue.Queue[Read] = queue.Queue(QUEUE_MAX)
        self._budget = Budget(time.monotonic())

    @property
    def waiting(self) -> int:
        return self._waiting.qsize()

    def offer(self, request: HttpRequest, response: HttpResponseBase, decision: Decision, snapshot: Snapshot) -> None:
        """Of the share that is taken, have a read repeated once its answer is sent. For every answer below the entrance."""
        if decision.api_version != V1 or not self.is_open or request.method != "GET" or response.status_code != 200:
            return
        if random.random() * FULL_BP >= canary_conf().shadow_bp or not snapshot.is_v2_enabled:  # noqa: S311  a sample
            return
        if settings.SESSION_COOKIE_NAME not in request.COOKIES and not response.streaming:
            read = read_of(request, snapshot.release)
            response._resource_closers.append(partial(self.put, read))  # type: ignore[attr-defined]

    def put(self, read: Read) -> None:
        try:
            self._waiting.put_nowait(read)
        except queue.Full:
            self.tally.count(read.release, "", "dropped")

    def take_turn(self) -> None:
        """Do as much of what waits as the budget allows."""
        self.is_open = True
        while self._budget.has_left(canary_conf().shadow_cpu_bp, time.monotonic()):
            try:
                read = self._waiting.get_nowait()
            except queue.Empty:
                break
            if (
                read.release != current_snapshot().release
            ):  # of what is over: it would only keep the present one waiting
                self.tally.count(read.release, "", "dropped")
                continue
            began = time.monotonic()
            try:
                self._take(read)
            finally:
                self._budget.spend(time.monotonic() - began)

    def _take(self, read: Read) -> None:
        try:
            outcome = read_both(read)
        except Exception as error:
            outcome = Outcome("", "failed", error=error)
        if outcome.error is not None:
            FAULTS.record(outcome.error)
        self.tally.add(outcome, read.release, is_public=not read.has_credentials, now=timezone.now())


def read_of(request: HttpRequest, release: int) -> Read:
    meta = request.META
    has_credentials = "HTTP_AUTHORIZATION" in meta or "HTTP_X_API_KEY" in meta
    identity = canary_conf().identify(request) if has_credentials else None
    return Read(
        path=request.path_info,
        query=meta.get("QUERY_STRING", ""),
        meta={
            name: value
            for name, value in meta.items()
            if name in KEPT or (name.startswith("HTTP_") and name not in LEFT_OUT)
        },
        release=release,
        request_id=getattr(request, "request_id", ""),
        has_credentials=has_credentials,
        user_id=identity[1] if identity and identity[0] == "user" else None,
    )


READER: Final = ShadowReader()
offer: Final = READER.offer
every(TURN_S, READER.take_turn, "shadow", own_thread=True)
every(FLUSH_S, READER.tally.flush, "shadow-results")
