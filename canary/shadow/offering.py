"""Shadow reads: some reads of either version, repeated on both in the background and compared.

The request's own thread only puts them into a queue that drops what it can't hold. `sampling` chooses, `reading` and
`refusals` repeat, `watchdog` has the thread that runs them, `results` adds up.
"""

import datetime
import logging
import os
import random
import time
from dataclasses import replace
from functools import partial
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from canary.conf import canary_conf
from canary.core.values import CANDIDATE, STABLE, Decision, Snapshot
from canary.recording import flushing
from canary.recording.recorder import Person, proof_of
from canary.recording.tally import subject_of
from canary.requests.black_box import REPEAT
from canary.requests.faults import FaultLog
from canary.requests.identity import identify, network_of
from canary.requests.in_flight import flights
from canary.retiring.successors import below_base
from canary.server import every
from canary.shadow.asking import Read, Voter, request_of
from canary.shadow.caution import Caution
from canary.shadow.reading import PAIR_DEADLINE_S, Outcome, prepare
from canary.shadow.refusals import prepare_refusal
from canary.shadow.results import Tally, Votes
from canary.shadow.sampling import FULL_BP, Choice, Sampler
from canary.shadow.waiting import Waiting
from canary.shadow.watchdog import LOST_MAX, OverdueError, StoppedError, Watchdog
from canary.state.store import current_snapshot

QUEUE_MAX: Final = 100
TURN_S: Final = 0.2
FLUSH_S: Final = 5.0
IDLE_S: Final = 10.0
"""After this long without a read, the thread that repeats them ends, and its database connection with it."""
SAY_EVERY_S: Final = 60.0
SLACK_S: Final = 0.1
"""Time for the deadlines of statements to end a pair that only waits for the database."""
# Headers that shorten or change a response, and headers that only concern its transfer. Reads do not depend on cookies,
# except for browser sessions, whose requests aren't repeated.
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
"""Faults of repeated reads. No client asked for those, so they do not count with the faults of decisions."""

logger = logging.getLogger("canary")


class Budget:
    """An average share of one core: passing time earns credit, at most a second's in advance, and debts are waited out.

    Spent time is wall-clock time from a read's beginning to its end. That is more than the CPU time of this process,
    and less than that and the database's together.
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
        self.tally, self.votes = Tally(), Votes()
        self.is_open = False
        self.watchdog, self.caution = Watchdog("canary-pairs"), Caution()
        self._sampler = Sampler()
        self._waiting = Waiting(QUEUE_MAX)
        self._budget = Budget(time.monotonic())
        self._read_at = self._said_at = float("-inf")

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def offer(self, request: HttpRequest, response: HttpResponseBase, decision: Decision, snapshot: Snapshot) -> None:
        """Have a read that is chosen repeated once its answer is sent. For every answer below the entrance."""
        if not self.is_open:
            return
        for choice in self._sampler.choose(request, response, decision, snapshot):
            refusal = response.status_code if choice is Choice.REFUSED else 0
            read = read_of(request, decision, snapshot, refusal=refusal)
            response._resource_closers.append(partial(self.put, read))  # type: ignore[attr-defined]

    def put(self, read: Read) -> None:
        if (dropped := self._waiting.put(read)) is not None:
            self.tally.count(dropped.release, "", "dropped")

    def take_turn(self) -> None:
        """Do as much of what waits as the budget allows."""
        self.is_open = True
        while self._budget.has_left(canary_conf().shadow_cpu_bp, time.monotonic()):
            read = self._waiting.take()
            if read is None:
                break
            if not self._may_repeat(read):
                self.tally.count(read.release, "", "dropped")
                continue
            began = self._read_at = time.monotonic()
            try:
                self._take(read)
            finally:
                took_s = time.monotonic() - began
                self._budget.spend(took_s)
                self._waiting.spend(read, took_s)
        if time.monotonic() - self._read_at > IDLE_S:
            self.watchdog.rest()

    def _may_repeat(self, read: Read) -> bool:
        """Return whether to repeat a read: not one of an earlier release, which would keep the present one waiting."""
        snapshot = current_snapshot()
        if read.release != snapshot.release:
            return False
        if self.caution.allows(snapshot, time.monotonic()):
            return True
        if not snapshot.latched:
            self._say_stopped(
                f"{self.caution.deaths} processes died of the candidate; mend it, then begin another release"
            )
        return False

    def _take(self, read: Read) -> None:
        try:
            outcome = self._repeat(read)
        except StoppedError:
            why = f"{LOST_MAX} threads hang in repeats that can't be ended; restart the process"
            self._say_stopped(f"{why}, and see `canary report` for the route")
            outcome = Outcome("", "dropped")
        except Exception as error:
            outcome = Outcome("", "failed", error=error)
        if outcome.error is not None:
            FAULTS.record(outcome.error)
        now = canary_conf().now()
        self.tally.add(outcome, read.release, is_public=not read.has_credentials, now=now)
        flushing.observe(self.votes.rows_of(outcome, _let_in(read.voter, outcome.person, now), now))
        if read.voter and read.voter.identity and outcome.person:
            # v2 may refuse a person whom no view of this process has ever known.
            proof = proof_of(request_of(read, STABLE, read.path, read.query))
            flushing.know(read.voter.identity, outcome.person, proof)

    def _repeat(self, read: Read) -> Outcome:
        is_v2_first = random.random() < 0.5  # noqa: S311  the coin that makes the comparison fair
        repeat = prepare_refusal(read) if read.refusal else prepare(read, is_v2_first=is_v2_first)
        if isinstance(repeat, Outcome):
            return repeat
        try:
            with flights.noted(
                request_of(read, CANDIDATE, below_base(read.path), read.query),
                Decision(CANDIDATE, REPEAT),
                current_snapshot(),
            ):
                return self.watchdog.run(partial(repeat.run, PAIR_DEADLINE_S), PAIR_DEADLINE_S + SLACK_S)
        except OverdueError as error:
            return repeat.late(is_lost=error.is_lost)

    def _say_stopped(self, why: str) -> None:
        if time.monotonic() - self._said_at < SAY_EVERY_S:
            return
        self._said_at = time.monotonic()
        logger.error("shadow reads have stopped: %s", why)


def read_of(request: HttpRequest, decision: Decision, snapshot: Snapshot, *, refusal: int = 0) -> Read:
    meta, match = request.META, request.resolver_match
    has_credentials = "HTTP_AUTHORIZATION" in meta or "HTTP_X_API_KEY" in meta
    credential = canary_conf().identify(request) if has_credentials else None
    return Read(
        path=request.path_info,
        query=meta.get("QUERY_STRING", ""),
        meta={
            name: value
            for name, value in meta.items()
            if name in KEPT or (name.startswith("HTTP_") and name not in LEFT_OUT)
        },
        release=snapshot.release,
        names=snapshot.names,
        request_id=getattr(request, "request_id", ""),
        has_credentials=has_credentials,
        user_id=credential[1] if credential and credential[0] == "user" else None,
        api_version=decision.api_version,
        refusal=refusal,
        template=match.route if match else "",
        voter=_voter_of(request, decision, snapshot),
    )


def _voter_of(request: HttpRequest, decision: Decision, snapshot: Snapshot) -> Voter | None:
    """Return the voter; None for an excluded request, and while no rollout is stored."""
    if snapshot.version == 0 or canary_conf().is_excluded(request):
        return None
    identity = decision.identity or identify(request)
    network = network_of(request.META.get("REMOTE_ADDR", ""))
    if identity is None:
        return Voter(snapshot, network, network, is_authenticated=False)
    subject = subject_of(identity, canary_conf().evidence_unit(request), canary_conf().now())
    return Voter(snapshot, subject.unit, network, subject.is_authenticated, identity)


def _let_in(voter: Voter | None, person: Person | None, now: datetime.datetime) -> Voter | None:
    """Return the voter as the person whom v1 has let in: v2 may have refused a right credential."""
    if voter is None or voter.identity is None or voter.is_authenticated or person is None:
        return voter
    subject = subject_of(voter.identity, person, now)
    return replace(voter, unit=subject.unit, is_authenticated=subject.is_authenticated)


READER: Final = ShadowReader()
offer: Final = READER.offer
every(TURN_S, READER.take_turn, "shadow", own_thread=True)
every(FLUSH_S, READER.tally.flush, "shadow-results", own_thread=True)
os.register_at_fork(before=READER.watchdog.rest, after_in_child=READER.watchdog.forget)
