"""Run a write of v1 by both versions on the same private copy, and compare what each has changed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from math import isfinite
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from canary.conf import canary_conf
from canary.core.mapping import Declared, Difference, Equivalent, NoEquivalentError, equivalent, sent
from canary.core.values import CANDIDATE, STABLE
from canary.retiring.successors import below_base, declared_successors
from canary.shadow.asking import UnrepeatableError
from canary.shadow.reading import Outcome, shared_name, split_target
from canary.shadow.side_effects import SideEffectError
from canary.shadow.writes.copying import PrivateCopy
from canary.shadow.writes.effects import State, compare_effects
from canary.shadow.writes.engines import PostgreSQL, SQLite, engine
from canary.shadow.writes.guarding import WriteGuard, refuse_changes
from canary.shadow.writes.running import Run, Sent, Write, run

JSON: Final = "application/json"
METHODS: Final = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Call:
    """A call of v1, for the function that `CANARY["SHADOW_WRITES"]["ROWS"]` names."""

    route: str
    """Its verb and template, as the mapping has it: `POST /orders/{pk}/payment`."""
    values: Mapping[str, str]
    """The values in its path."""
    body: Any
    """The JSON of its body, None without any."""
    user_id: str | None
    """The user who asks, when that is known."""


def prepare_write(write: Write, *, is_v2_first: bool, expected: int | None = None) -> "Outcome | WritePair":
    """Return a pair that can be run, or why there is none. With another status of v1 than `expected` it is unmapped."""
    declared = declared_successors()
    found = _equivalent(declared, write) if declared else None
    if declared is None or found is None or not found.method:
        return Outcome(found.template if found else "", "unmapped")
    try:
        if found.doubts:
            raise NoEquivalentError(f"It has no translation of {', '.join(found.doubts)}.")
        return WritePair(write, declared, found, expected, is_v2_first=is_v2_first)
    except (NoEquivalentError, RecursionError) as error:
        return Outcome(found.template, "unmapped", error=error)


def _equivalent(declared: Declared, write: Write) -> Equivalent | None:
    read = write.read
    return equivalent(
        declared,
        write.method,
        below_base(read.path),
        read.query,
        has_credentials=read.has_credentials,
        user_id=read.user_id,
    )


class WritePair:
    """Run in a thread that may be given up, as `reading.Pair` is."""

    def __init__(
        self, write: Write, declared: Declared, found: Equivalent, expected: int | None, *, is_v2_first: bool
    ) -> None:
        self._write, self._found, self._expected = write, found, expected
        path = below_base(write.read.path)
        row = declared.find(write.method, path)
        self._call = Call(found.template, row[1] if row else {}, _json_of(write), write.read.user_id)
        self._sent = {
            STABLE: Sent(STABLE, write.method, path, write.read.query, write.body),
            CANDIDATE: Sent(CANDIDATE, found.method, *split_target(found.target), _body_for_v2(write, declared, found)),
        }
        self._order = (CANDIDATE, STABLE) if is_v2_first else (STABLE, CANDIDATE)

    def run(self, deadline_s: float) -> Outcome:
        store = engine()
        with store.transaction(deadline_s) as guard:
            return self.run_within(store, guard)

    def run_within(self, store: PostgreSQL | SQLite, guard: WriteGuard) -> Outcome:
        """Return the outcome of both runs within the engine's transaction."""
        try:
            outcome = self._outcome(store, guard)
        except UnrepeatableError:
            return self._named(Outcome(self._found.template, "unmapped"))
        except Exception as error:
            outcome = Outcome(self._found.template, "failed", error=error)
        if guard.is_late and not guard.tried:
            return self.late()
        return self._named(outcome)

    def late(self, *, is_lost: bool = False) -> Outcome:
        return self._named(Outcome(self._found.template, "abandoned" if is_lost else "timed_out"))

    def _named(self, outcome: Outcome) -> Outcome:
        route = self._found.route
        return replace(outcome, v1_url=route["path"], shared=shared_name(route))

    def _outcome(self, store: PostgreSQL | SQLite, guard: WriteGuard) -> Outcome:
        copy = PrivateCopy(store, self._rows(), self._conf().rows_max)
        before = copy.state()
        found = self._compared(store, guard, copy, before)
        if found.result != "different":
            return found
        again = self._compared(store, guard, copy, before)  # drawn values may have been equal in v1's runs by chance
        if again.result != "different":
            return again
        lasting = {difference.group for difference in again.differences}
        return self._different([one for one in found.differences if one.group in lasting], found.error)

    def _compared(self, store: PostgreSQL | SQLite, guard: WriteGuard, copy: PrivateCopy, before: State) -> Outcome:
        """Return the outcome of one run of each version, and of a second one of v1 where the rows differ."""

        def done(version: int) -> Run:
            store.restart()
            return run(self._write, self._sent[version], copy, guard)

        runs = {version: done(version) for version in self._order}
        old, new = runs[STABLE], runs[CANDIDATE]
        if old.answer.tried:  # v1 does so with every client: there is nothing to compare v2 with
            return Outcome(self._found.template, "failed", error=SideEffectError(f"v1 {old.answer.tried[0]}."))
        if old.answer.status >= 500:
            error = old.answer.error or RuntimeError(f"v1 answered {old.answer.status}.")
            return Outcome(self._found.template, "failed", error=error)
        if self._expected not in (None, old.answer.status):  # the copy or the user differs from the client's
            return Outcome(self._found.template, "unmapped")
        if new.answer.tried:
            return self._different([Difference("", "side_effect", None, new.answer.tried[0])])
        if differs := self._answers_differ(old, new):
            return self._different(differs, new.answer.error)
        differences = []
        if old.left != new.left:
            differences = compare_effects(copy.tables, before, old.left, new.left, done(STABLE).left)
        if old.answer.status >= 400 and not differences:
            return Outcome(self._found.template, "refused_both")
        return self._different(differences)

    def _conf(self) -> Any:
        return canary_conf().shadow_writes

    def _rows(self) -> list[QuerySet[Any]]:
        named: Iterable[QuerySet[Any]]
        with connection.execute_wrapper(refuse_changes):
            named = import_string(self._conf().rows)(self._call)
            return list(named)

    def _answers_differ(self, old: Run, new: Run) -> list[Difference]:
        """Return the difference where v2 does not answer as declared, or one version refuses what the other does."""
        status = new.answer.status
        is_good = 400 <= status < 500 if old.answer.status >= 400 else status == self._found.route["statuses"][1]
        return [] if is_good else [Difference.of_answers("status", old.answer.status, status)]

    def _different(self, differences: list[Difference], error: Exception | None = None) -> Outcome:
        result = "different" if differences else "equal"
        return Outcome(self._found.template, result, tuple(differences), error=error)


def _json_of(write: Write) -> Any:
    """Return the JSON of the body, as lax as Python reads it; None where it is empty, or something else."""
    if not write.body or not is_json(write.content_type):
        return None
    try:
        return json.loads(write.body)
    except ValueError:
        return None


def _body_for_v2(write: Write, declared: Declared, found: Equivalent) -> bytes:
    """Return the body with v2's members, or as it came where the mapping declares none. Raises NoEquivalentError."""
    if found.route["body"] is None or not write.body:
        sent(declared, found.route, None)
        return write.body
    try:
        body = _strict_json(write)
    except (ValueError, ArithmeticError) as error:
        raise NoEquivalentError("Its body is not JSON that every parser reads alike.") from error
    return json.dumps(sent(declared, found.route, body)).encode()


def _strict_json(write: Write) -> Any:
    """Return the JSON of a body that says to v2 what it says to v1: UTF-8, and nothing that parsers differ in.

    Raises ValueError and ArithmeticError.
    """
    _, _, charset = write.content_type.lower().replace(" ", "").partition(";")
    if not is_json(write.content_type) or charset not in ("", "charset=utf-8"):
        raise ValueError(write.content_type)
    return json.loads(
        write.body.decode(), parse_float=_exact, parse_constant=_exact, object_pairs_hook=_without_duplicates
    )


def _exact(text: str) -> float:
    """Return the number. Raises for one that a float does not hold, and for Infinity and NaN."""
    number = float(text)
    if not isfinite(number) or Decimal(text) != Decimal(repr(number)):
        raise ValueError(text)
    return number


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError(pairs)
    return members


def is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == JSON
