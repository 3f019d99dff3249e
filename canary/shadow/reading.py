"""Has both versions answer one request from the same snapshot of the database, and compares.

The order is drawn by a coin: the second version finds everything warm. `asking` asks a version, `refusals` repeats a
read that v2 refused.
"""

import math
import time
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from canary.conf import canary_conf
from canary.core.mapping import (
    Declared,
    Difference,
    Equivalent,
    Json,
    as_asked,
    compare,
    counted,
    declared_query,
    equivalent,
    original,
    without_noise,
)
from canary.core.values import CANDIDATE, STABLE
from canary.recording.recorder import Person
from canary.retiring.successors import below_base, declared_successors
from canary.shadow.asking import Answer, Read, UnrepeatableError, ask
from canary.shadow.side_effects import SideEffectError
from canary.shadow.snapshots import Guard, read_only_snapshot

PAIR_DEADLINE_S: Final = 2.0
PAGES_MAX: Final = 5
"""A page of v1 that stands behind more pages of v2 isn't compared: each costs a read."""
URL_MAX: Final = 300
SHORTEST_S: Final = 1e-6
UNNOTICED_S: Final = 0.005
"""Nobody notices so much more, at any ratio: a file of 1 ms may take four."""


class Vote(NamedTuple):
    """A statement of a pair on the versions: a row of `canary.models.Observation` without its unit."""

    metric: str
    api_version: int
    """The version that it speaks against."""
    value: float


@dataclass(frozen=True)
class Outcome:
    route: str
    """v1's verb and template."""
    result: str
    """One of `SHADOW_RESULTS`."""
    differences: tuple[Difference, ...] = ()
    v1_url: str = ""
    error: Exception | None = None
    shared: str = ""
    """The route's name in observations: v2's verb and template."""
    votes: tuple[Vote, ...] = ()
    seconds: tuple[float, float] | None = None
    """How long v1 and v2 took; None where that can't be compared."""
    statements: tuple[int, int] = (0, 0)
    person: Person | None = None
    """Whom v1 has let in, where v2 refused."""


def read_both(read: Read, deadline_s: float = PAIR_DEADLINE_S, *, is_v2_first: bool = False) -> Outcome:
    """Repeat `read` on both versions and compare. Raises only what the database's connection raises."""
    prepared = prepare(read, is_v2_first=is_v2_first)
    return prepared if isinstance(prepared, Outcome) else prepared.run(deadline_s)


def prepare(read: Read, *, is_v2_first: bool) -> "Outcome | Pair":
    """Return a pair that can be asked for, or why there is none."""
    declared = declared_successors()
    source = in_words_of_v1(declared, read) if declared else None
    found = translated(declared, source) if declared and source else None
    if declared is None or source is None or found is None:
        return Outcome("", "unmapped")
    if not found.method or found.doubts or found.page > PAGES_MAX:
        return Outcome(found.template, "unmapped")
    return Pair(source, declared, counted(declared, found), _sent_to_v2(read, found), is_v2_first=is_v2_first)


def in_words_of_v1(declared: Declared, read: Read) -> Read | None:
    if read.api_version == STABLE:
        return read
    source = original(
        declared,
        below_base(read.path),
        read.query,
        has_credentials=read.has_credentials,
        user_id=read.user_id,
    )
    return replace(read, path=f"{canary_conf().entrance}{source[0]}", query=source[1]) if source else None


def _sent_to_v2(read: Read, found: Equivalent) -> tuple[str, str]:
    """Return path (decoded, below the base) and query of a client of v2 that asks for this: its own, if v2 answered."""
    if read.api_version == CANDIDATE:
        return below_base(read.path), read.query
    return split_target(as_asked(found, read.query, has_credentials=read.has_credentials))


def split_target(target: str) -> tuple[str, str]:
    path, _, query = target.partition("?")
    return unquote_to_bytes(path).decode(errors="surrogateescape"), query


def translated(declared: Declared, read: Read) -> Equivalent | None:
    return equivalent(
        declared,
        "GET",
        below_base(read.path),
        read.query,
        has_credentials=read.has_credentials,
        user_id=read.user_id,
    )


def shared_name(route: Json) -> str:
    """Return the name by `recording.route_names`."""
    return f"{route['call']['method']} {route['call']['path'] or '/'}"[:120]


def shown(read: Read, route: Json) -> str:
    """Return the address for an example, with v1's parameters only, without any others that a client has added."""
    path, query = quote(below_base(read.path), errors="replace"), declared_query(route, read.query)
    return (f"{path}?{query}" if query else path)[:URL_MAX]


class Pair:
    """Run in a thread that may be given up: then another thread asks what is known by then.

    v2 is asked twice. Errors, time and SQL belong to the request that its clients send. For the bodies it is asked for
    everything that v1 tells, as the mapping says: names of tags, counts, another order. Its clients don't pay for that.
    """

    def __init__(
        self, read: Read, declared: Declared, found: Equivalent, sent: tuple[str, str], *, is_v2_first: bool
    ) -> None:
        self._read, self._declared, self._found, self._sent = read, declared, found, sent
        self._route: Json = found.route
        self._order = (CANDIDATE, STABLE) if is_v2_first else (STABLE, CANDIDATE)
        self._answers: dict[int, Answer] = {}
        self._has_ended_early = False
        """Whether a page of v2 before the one that is compared has fewer rows than it was asked for."""
        self._second_began_at: float | None = None
        """By `time.monotonic`; None unless the first answer came in time."""

    def run(self, deadline_s: float) -> Outcome:
        with read_only_snapshot(deadline_s) as guard:
            try:
                outcome = self._outcome(guard)
            except UnrepeatableError:
                return self._named(Outcome(self._found.template, "unmapped"))
            except Exception as error:
                outcome = Outcome(self._found.template, "failed", error=error)
            if guard.is_late and not guard.tried:
                outcome = self.late()
        return self._named(outcome)

    def late(self, *, is_lost: bool = False) -> Outcome:
        """Return the outcome at the deadline. If only the second version was late, its answer counts as a slow one."""
        votes: tuple[Vote, ...] = ()
        first, second = (self._answers.get(version) for version in self._order)
        at = self._second_began_at
        has_failed = second is not None and second.has_failed
        if first is not None and at is not None and self._is_good(self._order[0], first) and not has_failed:
            waited = time.monotonic() - at if second is None else second.seconds
            votes = self._time_votes({self._order[0]: first.seconds, self._order[1]: waited})
        return self._named(Outcome(self._found.template, "abandoned" if is_lost else "timed_out", votes=votes))

    def _named(self, outcome: Outcome) -> Outcome:
        return replace(outcome, v1_url=shown(self._read, self._route), shared=shared_name(self._route))

    def _outcome(self, guard: Guard) -> Outcome:
        for version in self._order:
            self._answers[version] = self._ask(version, guard)
            if self._second_began_at is None and not guard.is_late:
                self._second_began_at = time.monotonic()
        votes = (*self._error_votes(), *self._good_times())
        told = self._ask_for_body(guard)
        old, tried = self._answers[STABLE], (*self._answers[CANDIDATE].tried, *told.tried)
        if old.tried:  # v1 does so with every client: there is nothing to hold v2 against
            error = SideEffectError(f"v1 was asked to read, and {old.tried[0]}")
            return Outcome(self._found.template, "failed", error=error)
        if tried:
            return self._different(Difference("", "side_effect", None, tried[0]))
        return replace(self._compared(old, told, guard), votes=votes)

    def _compared(self, old: Answer, told: Answer, guard: Guard) -> Outcome:
        template, new = self._found.template, self._answers[CANDIDATE]
        if not self._is_good(STABLE, old):
            # Gone meanwhile, or a token that has expired: there is nothing to hold v2 against.
            return Outcome(template, "failed" if old.status >= 500 else "unmapped", error=old.error)
        if (self._found.page > 1 and not _has_rows(self._route, old.body)) or self._has_ended_early:
            return Outcome(template, "unmapped")
        if bad := next((answer for answer in (new, told) if not self._is_good(CANDIDATE, answer)), None):
            return self._different(Difference.of_answers("status", old.status, bad.status), error=bad.error)
        if not (old.is_read and told.is_read):
            return Outcome(template, "unmapped")
        found = self._different(*self._unlike(old, told, guard), *self._more_statements(old, new, guard))
        seconds = (old.seconds, new.seconds) if self._is_timed() else None
        return replace(found, seconds=seconds, statements=(old.statements, new.statements))

    def _different(self, *differences: Difference, error: Exception | None = None) -> Outcome:
        return Outcome(self._found.template, "different" if differences else "equal", differences, error=error)

    def _unlike(self, old: Answer, new: Answer, guard: Guard) -> list[Difference]:
        differences = compare(self._declared, self._route, old.body, new.body)
        if not differences:
            return []
        again = self._ask(STABLE, guard).body
        later = compare(self._declared, self._route, again, new.body)
        return without_noise(differences, old.body, again, later)

    def _more_statements(self, old: Answer, new: Answer, guard: Guard) -> list[Difference]:
        """Return v2's excess of statements, after asking again: a process reads some rows once and keeps them."""
        budget = old.statements + canary_conf().sql_budget
        if self._found.page > 1 or new.statements <= budget:
            return []
        again = self._ask(CANDIDATE, guard).statements
        return [Difference("", "sql", old.statements, again)] if again > budget else []

    def _is_timed(self) -> bool:
        """Return whether time counts: a later page of v2 takes several requests."""
        return self._found.page == 1 and all(self._is_good(*answered) for answered in self._answers.items())

    def _is_good(self, version: int, answer: Answer) -> bool:
        return bool(answer.status == self._route["statuses"][version == CANDIDATE])

    def _error_votes(self) -> tuple[Vote, ...]:
        """Vote against the version that failed where the other one did not."""
        failed = [version for version, answer in self._answers.items() if answer.has_failed]
        is_away = any(answer.is_away for answer in self._answers.values())
        if len(failed) != 1 or is_away or self._found.page > 1:
            return ()
        return (Vote("pair_error", failed[0], 1.0 + self._order.index(failed[0])),)

    def _good_times(self) -> tuple[Vote, ...]:
        if not self._is_timed():
            return ()
        return self._time_votes({version: answer.seconds for version, answer in self._answers.items()})

    def _time_votes(self, seconds: dict[int, float]) -> tuple[Vote, ...]:
        """Vote against v2 when it took longer by more than is tolerated, else against v1.

        A later page has no vote, nor has a body that was not made to its end.
        """
        if self._found.page > 1 or not all(answer.is_read for answer in self._answers.values()):
            return ()
        tolerated_s = (1 + canary_conf().latency_margin) * seconds[STABLE] + UNNOTICED_S
        log_ratio = math.log(max(seconds[CANDIDATE], SHORTEST_S) / max(seconds[STABLE], SHORTEST_S))
        return (Vote("pair_time", CANDIDATE if seconds[CANDIDATE] > tolerated_s else STABLE, log_ratio),)

    def _ask(self, version: int, guard: Guard) -> Answer:
        if version == STABLE:
            return ask(self._read, STABLE, below_base(self._read.path), self._read.query, guard)
        return ask(self._read, CANDIDATE, *self._sent, guard)

    def _ask_for_body(self, guard: Guard) -> Answer:
        """Return v2's response to compare with v1's: the one that it gave, unless it was asked for less."""
        given, target = self._answers[CANDIDATE], split_target(self._found.target)
        if given.has_failed or (target == self._sent and self._found.page == 1):
            return given
        answer = ask(self._read, CANDIDATE, *target, guard)
        for _ in range(1, self._found.page):
            address = _next_page(answer.body)
            self._has_ended_early |= _ends_early(answer.body)
            if not self._is_good(CANDIDATE, answer) or address is None:
                break
            path, _, query = address.partition("?")
            answer = ask(self._read, CANDIDATE, below_base(path), query, guard)
        return answer


def _next_page(body: Any) -> str | None:
    page = body.get("page") if isinstance(body, dict) else None
    address = page.get("next") if isinstance(page, dict) else None
    return address if isinstance(address, str) else None


def _ends_early(body: Any) -> bool:
    """Return whether a page has fewer rows than its limit and leads on: the next one begins elsewhere than v1's."""
    page, data = (body.get("page"), body.get("data")) if isinstance(body, dict) else (None, None)
    if not isinstance(page, dict) or not isinstance(data, list) or not isinstance(limit := page.get("limit"), int):
        return False
    return _next_page(body) is not None and len(data) < limit


def _has_rows(route: Json, body: Any) -> bool:
    """Return whether there are rows: v2 has no page behind the end of a list."""
    data = body.get("data") if isinstance(body, dict) else None
    return isinstance(data, dict) and bool(data.get("items"))
