"""Four rounds with a v2 that would take its server along: it hangs, kills, waits for slow SQL, and fails its only client."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from tests.rehearsal.act import WARM_UP_S, Act
from tests.rehearsal.checks import (
    SERVED_WITHIN_S,
    Span,
    check,
    check_answered_by,
    check_chain,
    check_load,
    check_rolled_back,
    is_good,
    overlaps,
    passed_s,
    share_good,
)
from tests.rehearsal.faults import SLOW_SQL_S, Fault
from tests.rehearsal.load import Answer, Load
from tests.rehearsal.site import WORKERS, wait_for

THREADS: Final = 8
WEIGHT: Final = "10"
PLACES: Final = THREADS // 2
"""Of v2 in a process; kept connections may all lead to one of the two."""
HANG_FOUND_WITHIN_S: Final = 60.0
LONE_FOUND_WITHIN_S: Final = 60.0
"""After its tenth answer."""
CRASHES_FOUND_WITHIN_S: Final = 600.0
PATIENCE_S: Final = 120.0
AFTER_S: Final = 10.0
LEAST_DURING: Final = 0.95
LEAST_AFTER: Final = 0.99


@dataclass(frozen=True)
class Damage:
    """Whose requests fail, and when."""

    span: Span
    users: Collection[int]


class Outages(Act):
    def run(self) -> None:
        time.sleep(WARM_UP_S)
        self._damages: list[Damage] = []
        ids, moved = self.load.people.ids, {*self.site.canary("whatif", WEIGHT)["moves"]["to_v2"]["ids"]}
        self._all = range(len(ids))
        self._on_v2 = {number for number in self._all if ids[number] in moved}
        self._on_v1 = {*self._all} - self._on_v2
        for part in (self.hang, self.crash, self.slow_sql, self.lone_client):
            part()
        check_load(self.load, self._is_damaged)
        self.teller.say(
            f"{len(self.load.answers)} requests were answered, all {check_chain(self.site)} events are whole."
        )

    def hang(self) -> None:
        self.teller.title("1. v2's views never return")
        workers, version = self.server.workers, self._start(Fault.HANG)
        back_at = self._rolled_back(version, HANG_FOUND_WITHIN_S)
        self.let_pass(back_at, SERVED_WITHIN_S + AFTER_S)
        check(self.server.workers == workers, "no process was renewed")
        self._tell_shares(Span(self.planted_at, back_at), Span(back_at + SERVED_WITHIN_S, time.time()))
        self._end(back_at, self._on_v2)

    def crash(self) -> None:
        self.teller.title("2. v2 kills the process that answers")
        version = self._start(Fault.CRASH)
        back_at = self._rolled_back(version, CRASHES_FOUND_WITHIN_S)
        wait_for(lambda: self._seen_at(self.told), PATIENCE_S, "a process in the place of each that died")
        whole_at, workers = time.time() + SERVED_WITHIN_S, self.server.workers
        self.let_pass(whole_at, AFTER_S)
        check(self.server.workers == workers, "no process dies any more")
        renewed = self.server.log.count("Booting worker") - WORKERS
        self.teller.say(f"{renewed} processes had died. v2 would still kill, but nobody asks it: not even repeats do.")
        self._tell_shares(Span(self.planted_at, back_at), Span(whole_at, time.time()), least_during=0.0)
        self._end(back_at, self._all, whole_at)

    def slow_sql(self) -> None:
        self.teller.title(f"3. v2 sends statements of {SLOW_SQL_S} s, and is rolled back meanwhile")
        self._start(Fault.SLOW_SQL)
        wait_for(lambda: len(self.site.slow_statements()) >= PLACES, PATIENCE_S, "a statement in each place of v2")
        back = self.command("rollback", "--reason", "v2 is slow")
        [event] = self.site.events_after(back["version"] - 1)
        back_at = float(event["at"].timestamp())
        seen_at = wait_for(lambda: self._seen_at(back["version"]), PATIENCE_S, "the rollback in all processes")
        adopted_s = passed_s(back_at, seen_at)
        check(adopted_s <= SERVED_WITHIN_S, f"all processes adopt it within 2 s, not {adopted_s:.1f} s")
        running = len(self.site.slow_statements())
        check(running >= PLACES, "the statements still run")
        self.teller.say(f"All processes had adopted it after {adopted_s:.1f} s, while {running} statements ran.")
        self.let_pass(back_at, SERVED_WITHIN_S + AFTER_S)
        self._tell_shares(Span(self.planted_at, back_at), Span(back_at + SERVED_WITHIN_S, time.time()))
        self._end(back_at, self._on_v2)
        self.site.cancel_slow_statements()

    def lone_client(self) -> None:
        self.teller.title("4. v2 has a single client, and fails whatever it asks")
        lone = next(user for user in sorted(self._on_v2) if user % self.load.people.author_every)
        self.load.resting = self._on_v2
        version = self._start(Fault.FAILURE)
        self.let_pass(self.planted_at, SERVED_WITHIN_S)
        with Load(self.load.port, self.load.people, connections=1, users=[lone]).running() as client:
            back_at = self._rolled_back(version, PATIENCE_S)
            self.let_pass(back_at)
        late_s = passed_s(client.answers[9].answered_at, back_at)
        check(
            late_s <= LONE_FOUND_WITHIN_S, f"it is rolled back within a minute of the tenth answer, not {late_s:.1f} s"
        )
        check(all(map(is_good, client.answers)) and not client.unanswered, "v1 answers in the place of v2")
        side, reads = "after" if late_s >= 0 else "before", len(client.answers)
        self.teller.say(f"That was {abs(late_s):.1f} s {side} its tenth answer. v1 answered all of its {reads} reads.")
        self._end(back_at, ())
        self.load.resting = ()

    def _start(self, fault: Fault) -> int:
        version = int(self.command("set", WEIGHT, "--reason", "a rehearsal")["version"])
        self.told = version
        self.plant(fault)
        return version

    def _rolled_back(self, version: int, within_s: float) -> float:
        """When it was, by a breaker or by evidence."""
        found = self.await_event(version, lambda event: event["verb"] == "rollback", PATIENCE_S + within_s)
        back_at = float(found["at"].timestamp())
        self.say_how_soon(back_at)
        check(
            (found["actor"], found["evidence"]["kind"]) == ("controller", "harm"), "the controller rolls back for harm"
        )
        check(passed_s(self.planted_at, back_at) <= within_s, f"it is rolled back within {within_s:g} s")
        return back_at

    def _seen_at(self, version: int) -> float | None:
        """When the last process said that it serves this version; None as long as one has not."""
        pids = self.server.workers
        seen = [row["seen_at"].timestamp() for row in self.site.workers(pids) if row["version"] == version]
        return max(seen) if len(seen) == len(pids) == WORKERS else None

    def _tell_shares(self, during: Span, after: Span, least_during: float = LEAST_DURING) -> None:
        stable, everybody = share_good(self.load, self._on_v1, during), share_good(self.load, self._all, after)
        self.teller.say(
            f"Until the rollback {stable:.1%} of the requests of v1's users had a good answer, from"
            f" {after.began_at - during.ended_at:.0f} s after it on {everybody:.1%} of all."
        )
        check(stable >= least_during, f"{least_during:.0%} of the requests of v1's users succeed")
        check(everybody >= LEAST_AFTER, f"{LEAST_AFTER:.0%} of all requests succeed afterwards")

    def _end(self, back_at: float, users: Collection[int], whole_at: float | None = None) -> None:
        """`users` may have met the fault, until SERVED_WITHIN_S after the rollback or until `whole_at`."""
        self._damages.append(Damage(Span(self.planted_at, whole_at or back_at + SERVED_WITHIN_S), users))
        self.site.plant(Fault.NONE)
        check_rolled_back(self.site.canary("status"))
        check_answered_by(1, self.load.answers, Span(back_at, time.time()))
        self.acknowledge()

    def _is_damaged(self, answer: Answer) -> bool:
        return any(answer.user in damage.users and overlaps(answer, damage.span) for damage in self._damages)
