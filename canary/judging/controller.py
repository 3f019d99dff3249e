"""The controller: takes in the observations, judges the stage in force, and acts through the services.

PASS takes the plan's next step. HARM rolls back, with or without a plan, in every state that sends users to v2. A
crossover ends with its verdict. All other verdicts change nothing. Everything that it writes goes through the leader's
fence.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from django.db import DatabaseError, InterfaceError, connections

from canary import services
from canary.core.arrivals import Arrivals
from canary.core.crossover_verdict import CrossoverVerdict
from canary.core.gates import UNANSWERED, Answer, gated
from canary.core.judgements import Judgement, Trip
from canary.core.names import in_names
from canary.core.plans import HELD, RUNNING
from canary.errors import Refused, StoreUnreachable, VersionConflict
from canary.gates.asking import Asker
from canary.gates.questions import Question
from canary.judging import evidence
from canary.judging.breaking import breakers_of, due_windows, window_rows
from canary.judging.crossing import Crossing
from canary.judging.evidence import Book
from canary.judging.judging import dated_row, evidence_of, judge_row, stage_of, write_point, write_verdict
from canary.judging.leadership import Leadership, NotLeadingError
from canary.models import Rollout, RouteWindow
from canary.recording.population import arrivals_at
from canary.services.changing import lock_rollout
from canary.services.environment import is_of_another_journey

ACTOR: Final = "controller"
STEP_S: Final = 1.0
"""How often the lease is prolonged or requested; turns may be rarer."""
CHUNKS_A_TURN: Final = 4
RENEW_S: Final = 5.0
"""How often the figures of an unchanged verdict and the evidence for charts are written again."""
LOOK_EVERY_S: Final = 5.0
"""As often as the recorders write what the breakers look at."""
SAVE_EVERY_S: Final = 30.0
SAVE_EVERY: Final = 50_000
"""Observations, so that a new leader replays them in a few seconds."""
SAY_EVERY_S: Final = 60.0
COUNT_EVERY_S: Final = 60.0

logger = logging.getLogger("canary.controller")

type Clock = Callable[[], datetime]
type Said = tuple[int, int, str, str]
type Looked = tuple[int, int, datetime]
"""A release, a stage and a time in it."""


class Controller:
    """The controller of one process. After any failure it drops everything that it knows and reads it again."""

    def __init__(self, clock: Clock) -> None:
        self.leadership = Leadership()
        self.is_leading = False
        self._clock = clock
        self._book: Book | None = None
        self._said: Said | None = None
        self._written_at = self._saved_at = float("-inf")
        self._point: dict[str, float] | None = None
        self._people: Arrivals | None = None
        self._counted_at = float("-inf")
        self._refused_at = float("-inf")
        self._trips: list[Trip] = []
        self._looked: Looked | None = None
        self._windows: set[Looked] = set()
        """The windows of latency that are written."""
        self.gates = Asker()
        self._crossing = Crossing()

    def lead(self) -> bool:
        """Return whether this is the leader, now and for the next seconds.

        One whose settings name another journey does not lead: all that it would do is refused, a rollback too.
        """
        if is_of_another_journey():
            if self.is_leading:
                self.leadership.give_back()
            self.forget()
            return False
        if self.is_leading and self.leadership.keep():
            return True
        self.forget()
        self.is_leading = self.leadership.seize()
        return self.is_leading

    def forget(self) -> None:
        self.is_leading, self._book, self._said, self._point = False, None, None, None
        self._looked, self._windows = None, set()
        self._written_at = self._saved_at = self._counted_at = float("-inf")

    def turn(self) -> Judgement | None:
        """Take in, judge, write down, act; None as long as there's no stored rollout.

        Raises NotLeadingError, RolloutError and what the database raises: the caller forgets then.
        """
        judgement = self._turn()
        self.leadership.note_turn()
        return judgement

    def _turn(self) -> Judgement | None:
        row = Rollout.objects.filter(pk=1).first()
        if row is None:
            return None
        book = self._opened(row.release)
        self._take_in(book)
        now = self._clock()
        self._look(row, now)
        arrivals = self._arrivals(now) if row.weight_bp else None
        crossing = self._crossing.verdict(row, now)
        judgement = judge_row(book.evidence, row, now, self._trips, arrivals, crossing=crossing)
        judgement = dated_row(gated(judgement, stage_of(row), self._answers(row, now)), row, now)
        self._write(book, row, judgement, now)
        self._act(row, judgement, now, crossing)
        return judgement

    def turn_once(self) -> Judgement | None:
        """Take a turn, and where gates are asked meanwhile, wait for their answers and take another."""
        judgement = self.turn()
        if judgement is None or not any(gate["verdict"] == UNANSWERED for gate in judgement.numbers["gates"]):
            return judgement
        self.gates.wait()
        if not self.lead():
            raise NotLeadingError
        return self.turn()

    def finish(self) -> None:
        """Leave everything so that another controller can go on at once."""
        if not self.is_leading:
            return
        if self._book is not None and self._book.unsaved:
            with self.leadership.fenced():
                evidence.save(self._book, self._clock())
        self.leadership.give_back()
        self.forget()

    def _opened(self, release: int) -> Book:
        """Return the book of a release: each new release starts with no evidence."""
        if self._book is None or self._book.release != release:
            self._book = evidence.open_book(release, self._keep)
            self._said = self._point = None
        return self._book

    def _arrivals(self, now: datetime) -> Arrivals | None:
        """Count arrivals now and then: they only serve the estimate of when a step may pass."""
        if time.monotonic() - self._counted_at >= COUNT_EVERY_S:
            self._people, self._counted_at = arrivals_at(now), time.monotonic()
        return self._people

    def _answers(self, row: Rollout, now: datetime) -> list[Answer]:
        """Return what the gates have answered about the stage. Nobody is asked about a candidate that has no users."""
        if not row.weight_bp:
            return []
        return self.gates.turn(Question.of(row.release, row.stage, row.stage_started_at, now, row.names))

    def _keep(self) -> None:
        if not self.leadership.keep():
            raise NotLeadingError

    def _take_in(self, book: Book) -> None:
        """Take at most CHUNKS_A_TURN chunks: judging gets its turn, however much there is."""
        for _ in range(CHUNKS_A_TURN if evidence.has_new() else 0):
            with self.leadership.fenced():
                taken = evidence.take_new(book)
            evidence.enter(book, taken)
            if len(taken) < evidence.CHUNK:
                return

    def _look(self, row: Rollout, now: datetime) -> None:
        """Look at the breakers when that is due: reading for them takes longer than all else in a turn."""
        looked = (row.release, row.stage, now)
        if self._looked is not None and _is_lately(self._looked, looked):
            return
        starts = [start for start in due_windows(row, now) if (row.release, row.stage, start) not in self._windows]
        if starts:
            rows = [window for start in starts for window in window_rows(row, start)]
            with self.leadership.fenced():
                RouteWindow.objects.bulk_create(rows, ignore_conflicts=True)
            self._windows = {(row.release, row.stage, start) for start in due_windows(row, now)}
        self._trips = breakers_of(row, stage_of(row), now)
        self._looked = looked

    def _write(self, book: Book, row: Rollout, judgement: Judgement, now: datetime) -> None:
        said, at = (row.release, row.stage, judgement.kind, judgement.reason), time.monotonic()
        is_due = said != self._said or at - self._written_at >= RENEW_S
        log_e = judgement.numbers["log_e"]
        is_save_due = book.saved < 0 or book.unsaved >= SAVE_EVERY
        is_save_due = is_save_due or (book.unsaved > 0 and at - self._saved_at >= SAVE_EVERY_S)
        if not (is_due or is_save_due):
            return
        with self.leadership.fenced():
            if is_due:
                write_verdict(row, judgement, now)
            if is_due and log_e != self._point:
                write_point(row.release, log_e, now)
            if is_save_due:
                evidence.save(book, now)
        if is_due:
            self._said, self._point, self._written_at = said, log_e, at
        if is_save_due:
            self._saved_at = at

    def _act(self, row: Rollout, judgement: Judgement, now: datetime, crossing: CrossoverVerdict | None = None) -> None:
        """Act on the judgement. A change by hand meanwhile wins: the judgement was on another state than that."""
        state = row.plan["state"] if row.plan else None
        try:
            if judgement.kind == "harm" and stage_of(row).is_exposed:
                self._roll_back(row, judgement, now)
            elif crossing is not None and crossing.is_over and stage_of(row).is_crossover:
                told = replace(judgement, sentence=in_names(crossing.opened, row.names))
                self._change(partial(services.end_crossover, verdict=crossing.kind), row, told, now)
            elif judgement.kind == "pass" and state in (RUNNING, HELD) and stage_of(row).next_bp is not None:
                self._change(partial(services.promote_plan, is_by_plan=True), row, judgement, now)
            elif judgement.kind == "hold" and state == RUNNING and _is_for_people(judgement):
                self._change(services.hold_plan, row, judgement, now)
        except VersionConflict:
            logger.info("the rollout was changed meanwhile: nothing done about: %s", judgement.sentence)
        except Refused as error:
            self._say_refused(error, judgement)

    def _change(self, service: Callable[..., Rollout], row: Rollout, judgement: Judgement, now: datetime) -> None:
        with self.leadership.fenced():
            service(
                actor=ACTOR,
                reason=judgement.sentence,
                expected_version=row.version,
                now=now,
                evidence=evidence_of(judgement),
            )
        logger.info("%s", judgement.sentence)

    def _roll_back(self, row: Rollout, judgement: Judgement, now: datetime) -> None:
        """Roll back. That compares no version, but evidence of one release does not count against the next."""
        with self.leadership.fenced():
            found = lock_rollout(now)
            if (found.release, found.latched) != (row.release, False) or not stage_of(found).is_exposed:
                return
            services.roll_back(actor=ACTOR, reason=judgement.sentence, now=now, evidence=evidence_of(judgement))
        logger.warning("%s", judgement.sentence)

    def _say_refused(self, error: Refused, judgement: Judgement) -> None:
        """Log a refusal once a minute: as long as v1 is out of service, even harm can't be rolled back."""
        if time.monotonic() - self._refused_at >= SAY_EVERY_S:
            self._refused_at = time.monotonic()
            logger.error("refused: %s What was asked for: %s", error.sentence, judgement.sentence)


class Loop:
    """Take turns until the process has to stop, also while the database fails."""

    def __init__(self, controller: Controller, interval_s: float, beat: Callable[[], None] = lambda: None) -> None:
        """Call `beat` after each step that worked, or that the database refused: a restart would not cure that."""
        self._controller, self._interval_s, self._beat = controller, interval_s, beat
        self._due = self._said_at = float("-inf")
        self._was_leading: bool | None = None
        self._failing: str | None = None

    def run(self, is_told_to_stop: Callable[[float], bool]) -> None:
        """Take steps until `is_told_to_stop`, which gets the seconds to wait, returns True."""
        self.step()
        while not is_told_to_stop(min(STEP_S, self._interval_s)):
            self.step()
        try:
            self._controller.finish()
        except (DatabaseError, InterfaceError, NotLeadingError) as error:
            # Nothing is lost: the lease expires, and what follows the last checkpoint is replayed.
            logger.warning("stopped without a last checkpoint: %s", _first_line(error))

    def step(self) -> None:
        try:
            self._say_who_leads(self._controller.lead())
            if self._controller.is_leading and time.monotonic() >= self._due:
                self._due = time.monotonic() + self._interval_s
                self._controller.turn()
        except NotLeadingError:
            self._controller.forget()
            self._beat()
        except Exception as error:
            self._say(error)
            self._controller.forget()
            _drop_connections()
            if _is_of_the_database(error):
                self._beat()
        else:
            self._say_well()
            self._beat()

    def _say_who_leads(self, is_leading: bool) -> None:
        if is_leading != self._was_leading:
            logger.info("this controller leads" if is_leading else "another controller leads, this one stands by")
        self._was_leading = is_leading

    def _say(self, error: Exception) -> None:
        """Log a failure at once, and then once a minute."""
        is_new, self._failing = self._failing is None, _first_line(error)
        if not is_new and time.monotonic() - self._said_at < SAY_EVERY_S:
            return
        self._said_at = time.monotonic()
        if _is_of_the_database(error):
            logger.error(
                "the database can't be used, so nothing is judged; it is tried every second: %s", self._failing
            )
        else:
            logger.error("a turn failed; the next one reads everything again", exc_info=error)

    def _say_well(self) -> None:
        if self._failing is not None:
            logger.info("turns succeed again")
            self._failing = None


def _is_lately(looked: Looked, wanted: Looked) -> bool:
    return looked[:2] == wanted[:2] and abs((wanted[2] - looked[2]).total_seconds()) < LOOK_EVERY_S


def _is_of_the_database(error: Exception) -> bool:
    return isinstance(error, DatabaseError | InterfaceError | StoreUnreachable)


def _is_for_people(judgement: Judgement) -> bool:
    """Return whether people should hear of it: nobody has to know of a wait for the minimum time until it is over."""
    if judgement.reason == "not_safe":
        numbers = judgement.numbers
        return bool(numbers["age_s"] >= numbers["min_s"])
    return judgement.reason not in ("too_early", "gate_unanswered", "calendar")


def _drop_connections() -> None:
    """Close connections and their pools: after a restart of the database every connection that waits in one is dead."""
    for connection in connections.all(initialized_only=True):
        try:
            connection.close()
            if hasattr(connection, "close_pool"):
                connection.close_pool()
        except (DatabaseError, InterfaceError):
            continue


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
