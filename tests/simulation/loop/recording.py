"""What the recorders would note of requests: observations, minutes, windows of latency, pairs and repeated refusals.

The same rules as `canary.recording` and `canary.shadow`, of one process, without a database.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from canary.core.breakers import Minute, Repeat, RouteWindow
from canary.core.breakers.latency import LEAST_REQUESTS, LEAST_UNITS, LEFT_OUT, WINDOW_S
from canary.core.histograms import SLICES, Histogram, cell_of, spread
from canary.core.plans import FULL_BP
from canary.core.statistics import Observed
from canary.core.values import CANDIDATE, STABLE
from tests.simulation.loop.people import Person, Route
from tests.simulation.loop.worlds import Answer, World

NOT_JUDGED: Final = frozenset({401, 403, 404, 405, 410, 429})
SUMMARY: Final = 3
"""Requests after which a person has an outcome, and a route a mean latency."""
WARM_UP_S: Final = 180
PAIR_EVERY_S: Final = 30
A_MINUTE, A_NETWORK = 60, 10
"""Failed reads, and refused ones, that are repeated at most."""
LATENCY_MARGIN, UNNOTICED_MS = 1.2, 5.0


@dataclass(slots=True)
class _Notes:
    """On one identity in a stage."""

    requests: int = 0
    has_failed: bool = False
    is_refused: bool = False
    is_warm: bool = False
    latencies: dict[str, list[float]] | None = field(default_factory=dict)


class Quota:
    def __init__(self) -> None:
        self._minute, self._taken = -1, Counter[str]()

    def take(self, network: str, at_s: float) -> bool:
        if (minute := int(at_s // 60)) != self._minute:
            self._minute, self._taken = minute, Counter()
        if self._taken[network] >= min(A_NETWORK, A_MINUTE - self._taken.total()):
            return False
        self._taken[network] += 1
        return True


class Recorder:
    """Of one stage."""

    def __init__(self, number: int, weight_bp: int, began_s: float) -> None:
        self.number, self.weight_bp, self.began_s = number, weight_bp, began_s
        self.observed: list[Observed] = []
        """Those that the controller has not taken yet."""
        self.windows: list[RouteWindow] = []
        self.repeats: list[Repeat] = []
        self._notes: dict[str, _Notes] = {}
        self._counts: dict[int, dict[tuple[int, str], list[int]]] = {}
        self._rows: dict[int, list[Minute]] = {}
        self._users: dict[int, tuple[set[str], set[str]]] = {}
        """Of v2, by minute: those who had a judged answer, and those who had a failed one."""
        self._histograms: dict[int, dict[tuple[int, str], Histogram]] = {}
        self._paired_at: dict[tuple[int, Route], float] = {}
        self._failed, self._refused = Quota(), Quota()

    def side_of(self, person: Person) -> int:
        return CANDIDATE if person.bucket < self.weight_bp else STABLE

    def note(self, at_s: float, person: Person, route: Route, answer: Answer) -> None:
        """A request's answer by the version that the bucket chose."""
        api_version, status = self.side_of(person), answer.status
        counts = self._minute(at_s, api_version, person)
        if status not in NOT_JUDGED:
            counts[0] += 1
            counts[1] += status >= 500
            if api_version == CANDIDATE:
                self._note_user(at_s, person.voter, has_failed=status >= 500)
            start_s = int(at_s // WINDOW_S) * WINDOW_S
            cell = cell_of(int(person.unit[:2], 16) % SLICES, answer.ms)
            found = self._histograms.setdefault(start_s, {}).setdefault((api_version, route.name), {})
            found[cell] = found.get(cell, 0) + 1
        if route.is_read:
            counts[2] += 1
            counts[3] += 400 <= status < 500
        if self.weight_bp:
            self._observe(at_s, person, route, answer)

    def fail_over(self, at_s: float, person: Person, answer: Answer) -> None:
        """v1's answer in the place of v2's failed one."""
        counts = self._minute(at_s, CANDIDATE, person)
        counts[4] += 1
        counts[5] += answer.status >= 500

    def _note_user(self, at_s: float, voter: str, *, has_failed: bool) -> None:
        users, failing = self._users.setdefault(int(at_s // 60) * 60, (set(), set()))
        users.add(voter)
        if has_failed:
            failing.add(voter)

    def _minute(self, at_s: float, api_version: int, person: Person) -> list[int]:
        start_s = int(at_s // 60) * 60
        self._rows.pop(start_s, None)
        return self._counts.setdefault(start_s, {}).setdefault((api_version, person.voter), [0] * 6)

    def _observe(self, at_s: float, person: Person, route: Route, answer: Answer) -> None:
        notes, status = self._notes.get(person.identity), answer.status
        if notes is None:
            notes = self._notes[person.identity] = _Notes()
            self._add("seen", person, route)
        if 400 <= status < 500 and route.is_on_v2 and not notes.is_refused:
            notes.is_refused = True
            self._add("refusal", person, route)
        if status in NOT_JUDGED:
            return
        notes.requests += 1
        if status >= 500 and not notes.has_failed:
            notes.has_failed = True
            self._add("error", person, route)
        if status < 400:
            self._time(at_s, person, route, notes, answer.ms)
        if notes.requests == SUMMARY and not notes.has_failed:
            self._add("settled", person, route)

    def _time(self, at_s: float, person: Person, route: Route, notes: _Notes, ms: float) -> None:
        is_warm = at_s >= self.began_s + WARM_UP_S
        if is_warm and not notes.is_warm:
            notes.is_warm, notes.latencies = True, {}
        if notes.latencies is None:
            return
        logs = notes.latencies.setdefault(route.name, [])
        logs.append(math.log(ms))
        if len(logs) == SUMMARY:
            notes.latencies = None
            self._add("latency" if is_warm else "latency_cold", person, route, sum(logs) / SUMMARY)

    def _add(self, metric: str, person: Person, route: Route, value: float | None = None) -> None:
        self._append(self.side_of(person), metric, person, route, value)

    def _append(self, api_version: int, metric: str, person: Person, route: Route, value: float | None) -> None:
        row = (self.number, self.weight_bp, person.unit, api_version, metric, route.name, value)
        identity = "" if metric.startswith("pair_") else person.identity
        self.observed.append(Observed(*row, person.counts_alone, person.network, identity))

    # -- pairs ---------------------------------------------------------------------------------------------------------

    def repeat(self, world: World, at_s: float, person: Person, route: Route, answer: Answer) -> None:
        """Repeat a read on both versions if it is chosen: one of each route now and then, what failed or was refused."""
        if not (route.is_read and route.is_on_v2):
            return
        api_version, status = self.side_of(person), answer.status
        if at_s - self._paired_at.get((api_version, route), -math.inf) >= PAIR_EVERY_S:
            self._paired_at[api_version, route] = at_s
            self._pair(world, at_s, person, route)
        elif status >= 500 and self._is_fair(person) and self._failed.take(person.network, at_s):
            self._pair(world, at_s, person, route)
        if 400 <= status < 500 and api_version == CANDIDATE and self._refused.take(person.network, at_s):
            is_steady = 400 <= world.answer(person, route, CANDIDATE).status < 500
            is_wrong = not answer.is_alike and world.answer(person, route, STABLE).status < 400 and is_steady
            self.repeats.append(Repeat(at_s, person.voter, is_wrong))

    def _is_fair(self, person: Person) -> bool:
        smaller_bp = min(self.weight_bp, FULL_BP - self.weight_bp)
        if self.side_of(person) == CANDIDATE:
            return person.bucket < smaller_bp
        return person.bucket >= FULL_BP - smaller_bp

    def _pair(self, world: World, at_s: float, person: Person, route: Route) -> None:
        old, new = world.answer(person, route, STABLE), world.answer(person, route, CANDIDATE)
        failed = [version for version, answer in ((STABLE, old), (CANDIDATE, new)) if answer.status >= 500]
        if len(failed) == 1:
            self._append(failed[0], "pair_error", person, route, 1.0)
        if old.status < 400 and new.status < 400 and at_s >= self.began_s + WARM_UP_S:
            is_slow = new.ms > LATENCY_MARGIN * old.ms + UNNOTICED_MS
            self._append(CANDIDATE if is_slow else STABLE, "pair_time", person, route, math.log(new.ms / old.ms))

    # -- what the controller reads -------------------------------------------------------------------------------------

    def minutes_since(self, at_s: float) -> list[Minute]:
        return [row for start_s in self._counts if start_s >= at_s for row in self._rows_of(start_s)]

    def _rows_of(self, start_s: int) -> list[Minute]:
        rows = self._rows.get(start_s)
        if rows is None:
            found = self._counts[start_s].items()
            rows = self._rows[start_s] = [Minute(start_s, version, unit, *counts) for (version, unit), counts in found]
        return rows

    def users_between(self, begin_s: float, end_s: float) -> tuple[set[str], set[str]]:
        """Return v2's users with a judged answer in those minutes, and those of them with a failed one."""
        found = [sets for start_s, sets in self._users.items() if begin_s <= start_s < end_s]
        return set().union(*(users for users, _ in found)), set().union(*(failing for _, failing in found))

    def close_windows(self, now: float) -> None:
        """Sum up the routes in the windows that have ended; those that began before or in the warm-up are left out."""
        for start_s in [start_s for start_s in self._histograms if start_s + WINDOW_S <= now]:
            histograms = self._histograms.pop(start_s)
            if start_s >= self.began_s + WARM_UP_S:
                self.windows += _windows_of(start_s, histograms)


def _windows_of(start_s: int, histograms: dict[tuple[int, str], Histogram]) -> Iterator[RouteWindow]:
    for (api_version, route), histogram in histograms.items():
        if sum(histogram.values()) >= LEAST_REQUESTS:
            found = spread(histogram, 0.95, LEFT_OUT)
            if found is not None and found.slices >= LEAST_UNITS:
                figures = (found.requests, found.slices, found.value_ms, found.low_ms, found.high_ms)
                yield RouteWindow(start_s, api_version, route, *figures)
