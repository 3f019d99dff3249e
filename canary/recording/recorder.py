"""Note each request of the API when it is answered: one entry in a queue in memory, read beside the requests.

`canary.recording.tally` does everything that takes time. This module only keeps what would end with the request.
"""

import os
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from time import perf_counter_ns
from typing import Final, NamedTuple

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from canary.conf import canary_conf
from canary.core.consumers import PROVEN
from canary.core.values import STABLE, Decision, Refusal, Snapshot
from canary.requests.identity import COOKIE
from canary.requests.in_flight import Flight
from canary.requests.queries import NOTHING, Counted, stop_counting

QUEUE_MAX: Final = 50_000
"""Some 20 MB: ten seconds of 5,000 requests each, in case the reader of the queue is held up for so long."""
TEXT_MAX: Final = 256
COOKIE_MAX: Final = 512
"""An identity of 350 bytes with its signature. A longer cookie is not ours."""
GONE: Final = 410
UNAVAILABLE: Final = 503
GAVE_UP: Final = 504
"""A proxy's status for a client that has waited for too long."""


type Person = tuple[str, datetime] | tuple[str, datetime, bool]
"""Id of the user whom the view knew, the time from which that person counts alone, and whether the person may
choose among keys: no test that needs a side by chance bets on these then."""


class Seen(NamedTuple):
    """One answered request. Times are those of `time.perf_counter_ns`, texts as the client sent them but cut short."""

    finished_ns: int
    took_ns: int
    method: str
    template: str | None
    """The template of the URLconf; None when nothing was resolved."""
    path: str
    status: int
    answer: Decision | Refusal
    snapshot: Snapshot
    queries: Counted
    excluded: str
    person: Person | None
    credential: tuple[str, str] | None
    """Kind and id that the request itself names, looked up where v1 answered or refused to."""
    client_id: str
    cookie: str
    address: str
    agent: str
    away: bool | str = False
    """Whether the answer says that something is away which both versions need; BUSY if its version has no room."""
    proof: int = 0
    """Stands for the credentials that the request sent, within this process; 0 for none, or where nobody looks."""


class Queue:
    """Bounded; what comes when it is full is counted and let go."""

    def __init__(self) -> None:
        self._entries: deque[Seen] = deque()
        self.dropped = 0

    def put(self, entry: Seen) -> None:
        # Not `maxlen`, which would let go of the oldest without a word. Threads may overshoot by their number.
        if len(self._entries) < QUEUE_MAX:
            self._entries.append(entry)
        else:
            self.dropped += 1

    def drain(self) -> Iterator[Seen]:
        """Yield the entries of this moment, oldest first; entries that come meanwhile are for the next time."""
        for _ in range(len(self._entries)):
            yield self._entries.popleft()

    def clear(self) -> None:
        self._entries.clear()
        self.dropped = 0


queue = Queue()
os.register_at_fork(after_in_child=queue.clear)


def observe(
    request: HttpRequest,
    response: HttpResponseBase,
    answer: Decision | Refusal,
    snapshot: Snapshot,
    started_ns: int,
) -> None:
    """Note a request whose answer is ready; `started_ns` is of `time.perf_counter_ns`."""
    queries, finished_ns = stop_counting(), perf_counter_ns()
    meta, match, status, conf = request.META, request.resolver_match, response.status_code, canary_conf()
    person = conf.evidence_unit(request)
    if isinstance(answer, Decision):
        # Not after a fault: what broke the decision was most likely the question that would be asked again here.
        is_use = answer.api_version == STABLE and answer.reason != "fault"
        needs_client = is_use and answer.identity is None
        needs_credential = is_use and (answer.identity is None or answer.identity.kind in PROVEN)
    else:
        needs_credential = needs_client = status == GONE
    note = (
        finished_ns,
        finished_ns - started_ns,
        request.method,
        match.route if match is not None else None,
        request.path_info[:TEXT_MAX],
        status,
        answer,
        snapshot,
        queries,
        conf.is_excluded(request),
        person,
        conf.identify(request) if needs_credential else None,
        meta.get("HTTP_X_CLIENT_ID", "")[:TEXT_MAX] if needs_client else "",
        request.COOKIES.get(COOKIE, "")[:COOKIE_MAX] if meta.get("HTTP_COOKIE") else "",
        meta.get("REMOTE_ADDR", ""),
        meta.get("HTTP_USER_AGENT", "")[:TEXT_MAX],
        status == UNAVAILABLE and conf.is_away(response),
        proof_of(request) if person is not None or status >= 400 else 0,
    )
    # As Seen(*note) does, in half the time.
    queue.put(tuple.__new__(Seen, note))


def give_up(flight: Flight, snapshot: Snapshot) -> Seen:
    """Return a request that hangs, as if its version had failed it now. Another thread than its own asks."""
    request, now_ns, conf = flight.request, perf_counter_ns(), canary_conf()
    return Seen(
        finished_ns=now_ns,
        took_ns=now_ns - flight.started_ns,
        method=flight.method,
        template=flight.route,
        path=flight.path[:TEXT_MAX],
        status=GAVE_UP,
        answer=flight.decision,
        snapshot=snapshot,
        queries=NOTHING,
        excluded=conf.is_excluded(request),
        person=conf.evidence_unit(request),
        credential=None,
        client_id="",
        cookie="",
        address=request.META.get("REMOTE_ADDR", ""),
        agent=request.META.get("HTTP_USER_AGENT", "")[:TEXT_MAX],
        proof=proof_of(request),
    )


def proof_of(request: HttpRequest) -> int:
    """Return what stands for the credentials, whether or not a view has looked at them."""
    meta = request.META
    cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME) if meta.get("HTTP_COOKIE") else None
    sent = (meta.get("HTTP_AUTHORIZATION"), meta.get("HTTP_X_API_KEY"), cookie)
    return hash(sent) if any(sent) else 0
