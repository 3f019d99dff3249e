"""Five rounds: four faults that are found by themselves, and a v2 without one that goes all the way by itself."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from tests.rehearsal.act import WARM_UP_S, Act, Row
from tests.rehearsal.checks import (
    SERVED_WITHIN_S,
    Span,
    check,
    check_answered_by,
    check_chain,
    check_is_among,
    check_load,
    check_nobody_goes_back,
    check_rolled_back,
    check_sentence,
    overlaps,
)
from tests.rehearsal.faults import ERROR_SHARE, SLOWER_BY, Fault
from tests.rehearsal.load import Answer
from tests.rehearsal.site import RehearsalError, wait_for

STEPS: Final = (1_000, 5_000, 9_000, 10_000)
PLAN: Final = ",".join(f"{step // 100}" for step in STEPS)
FOUND_WITHIN_S: Final = 240.0
STEP_WITHIN_S: Final = 600.0
"""Several times what it takes: the rarer the requests on a slow machine, the later there are enough."""
MIN_MINUTES: Final = "5"
"""Longer than finding a fault may take: the next step isn't due before."""
MIN_MINUTES_HEALTHY: Final = "0.2"


class OddCohortError(Exception):
    """More users of a fresh cohort came to v2 than the weight says: of a thousand cohorts chance makes one of these at most."""


@dataclass
class Releases(Act):
    faulty: list[Span] = field(default_factory=list)
    """When errors were planted."""
    _release: int = 0

    def run(self) -> None:
        time.sleep(WARM_UP_S)
        for part in (self.errors, self.latency, self.n_plus_one, self.wrong_field, self.healthy):
            try:
                part()
            except OddCohortError:
                self._begin_anew()
                part()
        check_load(self.load, self._is_planted)
        self.teller.say(
            f"{len(self.load.answers)} requests of {len(self.load.people.tokens)} users: each was answered, none failed but"
            f" by a planted error, nobody went back from v2 to v1 within a ramp, and all {check_chain(self.site)} events are"
            " as they were written."
        )

    def _is_planted(self, answer: Answer) -> bool:
        return (answer.status, answer.version) == (500, 2) and any(overlaps(answer, span) for span in self.faulty)

    def errors(self) -> None:
        self.teller.title(f"5. {ERROR_SHARE:.0%} of v2's answers are errors")
        start, began_at = self._start(MIN_MINUTES), time.time()
        self.plant(Fault.ERRORS)
        try:
            found = self._rolled_back(start)
        finally:
            self.faulty.append(Span(began_at, time.time() + SERVED_WITHIN_S))
        numbers = found["evidence"]["error"]
        check(numbers["on_v2"] >= 3 and numbers["events"] == numbers["on_v2"], "users had errors, on v2 alone")
        check_sentence(
            found["reason"], "Harm at 10 %", f"{numbers['on_v2']} were on v2", "harm where one reaches its limit"
        )
        self._end_after_rollback(start, found, failing=ERROR_SHARE)

    def latency(self) -> None:
        self.teller.title("6. v2 takes half as long again as v1")
        start = self._start(MIN_MINUTES)
        self.plant(Fault.LATENCY)
        found = self._rolled_back(start)
        numbers = found["evidence"]["latency"]
        check(numbers["ratio"] > 1.15, f"v2 takes some 1.5 times as long, not {numbers['ratio']:.2f} times")
        check_is_among(1 + SLOWER_BY, numbers)
        check(found["evidence"]["error"]["events"] == 0, "nobody had an error")
        check_sentence(found["reason"], "Harm at", f"v2's latency is {numbers['ratio']:.2g} times v1's", "ranked")
        self._end_after_rollback(start, found)

    def n_plus_one(self) -> None:
        self.teller.title("7. v2's list of posts asks the database once more for every row: an N+1")
        start = self._start(MIN_MINUTES)
        self.plant(Fault.N_PLUS_ONE)
        found = self._held(start, lambda numbers: bool(numbers["repeats"]))
        [repeat] = found["numbers"]["repeats"]
        check(repeat["route"] == "GET /posts" and repeat["more"] >= 4, "the list of posts repeats a statement")
        check_sentence(found["sentence"], "Hold at 10 %", "GET /posts ", f"(+{repeat['more']} queries, an N+1)")
        check_sentence(found["sentence"], repeat["fingerprint"])
        [statement] = self._of_report("Repeated statement")
        check_sentence(statement, repeat["fingerprint"], 'FROM "cms_post"')
        self._end_by_hand(start, "the list is repaired first")

    def wrong_field(self) -> None:
        self.teller.title("8. v2 tells a wrong excerpt: every answer is a 200, and only shadow reads can see it")
        start = self._start(MIN_MINUTES)
        self.plant(Fault.WRONG_FIELD)
        found = self._held(start, lambda numbers: numbers["shadow_differences"] > 0)
        check(found["numbers"]["shadow_differences"] == 1, "one field differs")
        check_sentence(
            found["sentence"], "Hold at 10 %", "shadow reads differ in 1 place", "GET /posts/{uuid} at ", "excerpt"
        )
        [difference] = self._of_report("GET /posts/{uuid} at ")
        check_sentence(difference, "excerpt")
        self._end_by_hand(start, "the excerpt is repaired first")

    def healthy(self) -> None:
        self.teller.title(f"9. Nothing is wrong: {PLAN.replace(',', ' → ')} % by itself")
        start = self._start(MIN_MINUTES_HEALTHY)
        for before_bp, after_bp in pairwise(STEPS):
            found = self._stepped(start, before_bp, after_bp)
        self.let_pass(found["at"].timestamp())
        status, now_s = self.site.canary("status"), time.time()
        check(status["weight_bp"] == STEPS[-1] and status["plan"]["state"] == "done", "the plan is done")
        came, on_v2 = check_nobody_goes_back(self.load.answers, Span(self._at(start), now_s))
        check_answered_by(2, self.load.answers, Span(found["at"].timestamp(), now_s))
        self.teller.say(f"v2 has 100 %, the plan is done; of {came} users {on_v2} came to v2 and stayed there.")

    def _start(self, min_minutes: str) -> Row:
        words = ("start", "--plan", PLAN, "--min-minutes", min_minutes, "--fresh-cohort", "--reason", "a rehearsal")
        status = self.command(*words)
        self.told, self._release = status["version"], status["release"]
        return status

    def _at(self, start: Row) -> float:
        [event] = [event for event in self.site.events_after(start["version"] - 1) if event["verb"] == "start"][:1]
        return float(event["at"].timestamp())

    def _rolled_back(self, start: Row) -> Row:
        found = self.await_event(start["version"], lambda event: event["verb"] == "rollback", FOUND_WITHIN_S)
        check(
            found["actor"] == "controller" and found["evidence"]["kind"] == "harm", "the controller rolls back for harm"
        )
        check(found["evidence"]["log_peak"] >= 2.99, "the evidence is 20 or more")
        self.say_how_soon(found["at"].timestamp())
        return found

    def _held(self, start: Row, is_it: Callable[[Row], bool]) -> Row:
        """The verdict on what was found. By chance the plan is held for something else before, such as slow answers."""

        def look() -> Row | None:
            self.tell_new()
            self.watch()
            return next((one for one in self.site.verdicts_of(start["release"]) if is_it(one["numbers"])), None)

        found: Row = wait_for(look, FOUND_WITHIN_S, "a finding")
        self.say_how_soon(time.time())
        check((found["kind"], found["numbers"]["reason"]) == ("hold", "finding"), "a finding holds")
        wait_for(lambda: self.site.canary("status")["plan"]["state"] == "held", FOUND_WITHIN_S, "the hold")
        self.tell_new()
        return found

    def _stepped(self, start: Row, before_bp: int, after_bp: int) -> Row:
        def is_step(event: Row) -> bool:
            return bool(event["before"]["weight_bp"] == before_bp != event["after"]["weight_bp"])

        found = self.await_event(start["version"], is_step, STEP_WITHIN_S)
        check(found["verb"] == "promote" and found["actor"] == "controller", "the controller takes the next step")
        check(found["after"]["weight_bp"] == after_bp, f"the step is {after_bp}")
        check_sentence(found["reason"], f"Pass at {before_bp / 100:g} %", f"Next step: {after_bp / 100:g} %")
        return found

    def _end_after_rollback(self, start: Row, found: Row, failing: float = 0.0) -> None:
        self.site.plant(Fault.NONE)
        back_at = found["at"].timestamp()
        came, on_v2 = check_nobody_goes_back(self.load.answers, Span(self._at(start), back_at), failing)
        but = ", but v1 answered the reads that v2 failed" if failing else ""
        self.let_pass(back_at)
        check_rolled_back(self.site.canary("status"))
        self._is_refused("set", "50", "--reason", "a rehearsal")
        late = check_answered_by(1, self.load.answers, Span(back_at, time.time()))
        self.teller.say(
            f"Of {came} users {on_v2} had come to v2, none went back before{but}. From 2 s after the rollback on v1"
            f" answered all {late} requests; `set 50` is refused: the rollback is latched."
        )
        self.acknowledge()

    def _end_by_hand(self, start: Row, reason: str) -> None:
        status = self.site.canary("status")
        check(status["weight_bp"] == STEPS[0] and not status["latched"], "v2 stays at the first step")
        words = ("rollback", "--reason", reason)
        back = self.command(*words)
        [event] = self.site.events_after(back["version"] - 1)
        came, on_v2 = check_nobody_goes_back(self.load.answers, Span(self._at(start), event["at"].timestamp()))
        self.site.plant(Fault.NONE)
        check_rolled_back(back)
        self.teller.say(f"Of {came} users {on_v2} had come to v2, none went back before.")
        self.acknowledge()

    def _is_refused(self, *words: str) -> None:
        try:
            self.site.canary(*words)
        except RehearsalError as error:
            check_sentence(str(error), "rolled back", "canary ack")
        else:
            check(False, f"{' '.join(words)} is refused")

    def _of_report(self, beginning: str) -> list[str]:
        found = [line for line in self.site.lines("report") if re.match(rf"\s*{re.escape(beginning)}", line)]
        for line in found:
            self.teller.say(f"canary report: {line.strip()}")
        return found

    def watch(self) -> None:
        verdicts = self.site.verdicts_of(self._release)
        if any(verdict["numbers"].get("reason") == "mismatch" for verdict in verdicts):
            raise OddCohortError

    def _begin_anew(self) -> None:
        self.teller.say(
            "As one cohort of a thousand at most. It is ended by hand, and the round begins anew with another."
        )
        self.site.plant(Fault.NONE)
        self.site.canary("rollback", "--reason", "an odd cohort")
        self.acknowledge()
