"""One release in a closed loop: requests go to the version that the weight in force says, until the controller decides.

The decisions are those of the controller's own pure functions: Evidence, the breakers' `trips_of`, and `judge`.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from canary.core.breakers import Limits, Minute, RouteWindow, Sightings, trips_of
from canary.core.breakers.answers import MINUTE_S
from canary.core.breakers.failures import ERROR, FURTHEST_S, LEAST_ANSWERS, QUARTER_S, WINDOW_S
from canary.core.judgements import Judgement, Stage
from canary.core.plans import DEFAULT_STEPS_BP, next_step_bp
from canary.core.policy import judge
from canary.core.shares import lower_limit
from canary.core.statistics import Evidence
from canary.core.values import CANDIDATE, STABLE
from tests.simulation.loop.others import Watch
from tests.simulation.loop.people import Crowd, Person, Route
from tests.simulation.loop.recording import Recorder
from tests.simulation.loop.worlds import Answer, Outage, Truth, World, no_outage

HOUR_S: Final = 3_600
WINDOWS_S: Final = 3_600
BEFORE_S: Final = 960
"""Everybody is on v1 for so long before the first step."""
LIMITS: Final = Limits()
SOUND: Final = Truth()


@dataclass(frozen=True)
class Case:
    """A release of some kind: who asks, what is wrong, and the plan."""

    people: Callable[[random.Random], list[Person]]
    truth: Truth = SOUND
    outages: Callable[[random.Random, float], list[Outage]] = no_outage
    steps_bp: Sequence[int] = DEFAULT_STEPS_BP
    step_s: float = HOUR_S
    """The minimum time of each step."""
    length_s: float = 4 * HOUR_S
    turn_s: int = 30
    is_pushed: bool = False
    """Whether somebody takes each step when its time is over, although the verdict still waits."""


@dataclass
class Played:
    """How the release ended. Times are seconds since the first step."""

    rolled_back_s: float | None = None
    reason: str = ""
    """The breaker, or the tests whose evidence was enough."""
    promoted_s: float | None = None
    """When the last step of the plan was taken, if it is not the first one, too."""
    failed_reads: int = 0
    """Reads of v2's users that failed for them, after v1 was asked too."""
    watch: Watch = field(default_factory=Watch)


class Release:
    def __init__(self, case: Case, seed: str) -> None:
        rng = random.Random(seed)
        self.played = Played()
        self._case, self._rng = case, rng
        self._crowd = Crowd(case.people(rng))
        self._world = World(rng, case.truth, case.outages(rng, case.step_s))
        self._evidence = Evidence.fresh(seed)
        self._recorder = Recorder(0, 0, -BEFORE_S)
        self._before: list[Minute] = []
        self._earlier: list[RouteWindow] = []

    def play(self) -> Played:
        """Play to the end. After a rollback only the other rules watch it go on, with its steps by the clock."""
        turn_s = self._case.turn_s
        for now in range(turn_s - BEFORE_S, int(self._case.length_s) + 1, turn_s):
            self.turn(now)
        return self.played

    def turn(self, now: int) -> None:
        """The requests of some seconds, and then what the controller does about them."""
        recorder, begin_s = self._recorder, now - self._case.turn_s
        self._world.set_time(begin_s, begin_s - recorder.began_s)
        for at_s, person, route in self._crowd.requests(self._rng, begin_s, now):
            self._serve(at_s, person, route)
        if now <= 0:
            if now == 0:
                self._step(now)
        elif self.played.rolled_back_s is not None:
            if self._is_due(now):
                self._step(now)
        else:
            self._control(now)

    def _serve(self, at_s: float, person: Person, route: Route) -> None:
        recorder, played = self._recorder, self.played
        api_version = recorder.side_of(person)
        answer = self._world.answer(person, route, api_version)
        if api_version == CANDIDATE:
            played.watch.note(at_s, answer)
        if played.rolled_back_s is not None:
            return
        recorder.note(at_s, person, route, answer)
        if api_version == CANDIDATE and answer.status >= 500 and route.is_read:
            self._fail_over(at_s, person, self._world.answer(person, route, STABLE))
        if recorder.weight_bp:
            recorder.repeat(self._world, at_s, person, route, answer)

    def _fail_over(self, at_s: float, person: Person, answer: Answer) -> None:
        self._recorder.fail_over(at_s, person, answer)
        self.played.failed_reads += answer.status >= 500

    # -- the controller --------------------------------------------------------------------------------------------------

    def _control(self, now: int) -> None:
        judgement = self._judge(now)
        if judgement is not None and judgement.kind == "harm":
            self.played.rolled_back_s, self.played.reason = now, reason_of(judgement)
        elif self._is_due(now) and (self._case.is_pushed or (judgement is not None and judgement.kind == "pass")):
            self._step(now)

    def _judge(self, now: int) -> Judgement | None:
        """The verdict, where anything would be done about it: making one costs more than all else in a turn."""
        recorder, evidence = self._recorder, self._evidence
        for observed in recorder.observed:
            evidence.take(observed)
        recorder.observed.clear()
        stage = self._stage()
        trips = trips_of(self._sightings(now), stage, LIMITS, now)
        is_safe = evidence.certificate.against(stage.max_errors).is_safe
        if trips or evidence.comparison.is_alarm or (is_safe and self._is_due(now)):
            return judge(evidence, (), (), stage, now, trips)
        return None

    def _stage(self) -> Stage:
        recorder, case = self._recorder, self._case
        return Stage(
            recorder.number,
            recorder.weight_bp,
            recorder.began_s,
            case.step_s,
            next_step_bp(case.steps_bp, recorder.weight_bp),
            LIMITS.max_errors,
        )

    def _sightings(self, now: int) -> Sightings:
        """As `canary.judging.breaking` reads them."""
        recorder = self._recorder
        recorder.close_windows(now)
        since_s = min(now, recorder.began_s) - WINDOWS_S
        earlier = [window for window in self._earlier if window.start_s >= since_s]
        minutes = self._minutes(now) if self._may_trip(now) else []
        return Sightings(minutes, self._before, [*earlier, *recorder.windows], (), recorder.repeats)

    def _may_trip(self, now: int) -> bool:
        """Whether a breaker that looks at minutes could trip. Summing them up for each costs half of a sound release.

        It takes a wrong refusal, failures of most users of the latest window, or more of them than are declared.
        """
        recorder = self._recorder
        start_s = recorder.began_s - recorder.began_s % MINUTE_S
        _, failing = recorder.users_between(now - FURTHEST_S, now)
        present, _ = recorder.users_between(now - WINDOW_S, now)
        return (
            any(repeat.is_wrong for repeat in recorder.repeats)
            or 2 * len(failing & present) >= len(present)
            or self._are_many(now - QUARTER_S, now)
            or self._are_many(start_s, start_s + QUARTER_S)
        )

    def _are_many(self, begin_s: float, end_s: float) -> bool:
        """Whether more of v2's users fail than is declared."""
        users, failing = self._recorder.users_between(begin_s, end_s)
        return lower_limit(len(failing), len(users), ERROR) > LIMITS.max_errors

    def _minutes(self, now: int) -> list[Minute]:
        recorder = self._recorder
        if now - recorder.began_s > FURTHEST_S:
            found = recorder.minutes_since(now - QUARTER_S)
            if sum(minute.answers for minute in found if minute.api_version == CANDIDATE) >= LEAST_ANSWERS:
                return found
        return recorder.minutes_since(now - FURTHEST_S)

    def _is_due(self, now: int) -> bool:
        """Whether the step's time is over and there is a further one."""
        recorder, case = self._recorder, self._case
        is_over = now - recorder.began_s >= case.step_s
        return is_over and next_step_bp(case.steps_bp, recorder.weight_bp) is not None

    def _step(self, now: int) -> None:
        recorder, steps_bp = self._recorder, self._case.steps_bp
        recorder.close_windows(now)
        weight_bp = next_step_bp(steps_bp, recorder.weight_bp)
        assert weight_bp is not None
        if weight_bp == steps_bp[-1] and recorder.number and self.played.rolled_back_s is None:
            self.played.promoted_s = now
        self._before = recorder.minutes_since(now - QUARTER_S)
        self._earlier += [window._replace(is_present=False) for window in recorder.windows]
        self._recorder = Recorder(recorder.number + 1, weight_bp, now)


def reason_of(judgement: Judgement) -> str:
    """The breakers that tripped, and the tests that alarmed."""
    trips = [trip["breaker"] for trip in judgement.numbers["trips"]]
    logs, limits = judgement.numbers["log_e"], judgement.numbers["limits"]
    return ", ".join(trips) or max(limits, key=lambda metric: logs.get(metric, 0.0) / limits[metric])
