"""Asks both versions about a read that v2 refused: it was wrong if v1 answers the read and v2 refuses its translation.

The translation holds what v1 understood of the request. So what v1 ignores and v2 refuses by its contract, such as an
unknown parameter, speaks against neither version.
"""

from typing import Final

from canary.core.mapping import Declared, Difference, Equivalent, as_asked
from canary.core.values import CANDIDATE, STABLE
from canary.recording.route_names import name_of
from canary.retiring.successors import below_base, declared_successors
from canary.shadow.asking import Answer, Read, UnrepeatableError, ask
from canary.shadow.reading import Outcome, Vote, in_words_of_v1, shared_name, shown, split_target, translated
from canary.shadow.snapshots import Guard, read_only_snapshot

REFUSALS: Final = range(400, 500)
OF_ADDRESSES: Final = frozenset({401, 403, 404, 405, 410})
"""Statuses about an address and who asks. No header that v1 ignores causes them."""


def prepare_refusal(read: Read) -> "Outcome | RefusedRead":
    """Return a refusal to ask both versions about, or why there is none. Only calls that both declare are compared."""
    declared = declared_successors()
    source = _source_of(declared, read) if declared else None
    found = translated(declared, source) if declared and source else None
    if source is None or found is None or not found.method:
        return Outcome("", "unmapped")
    if _is_doubtful(found):
        return Outcome(found.template, "unmapped")
    return RefusedRead(read, source, found)


def _source_of(declared: Declared, read: Read) -> Read | None:
    """Return the read for v1: the same address if v1 has it, else the translation."""
    found = translated(declared, read)
    name = name_of(CANDIDATE, "GET", read.template).shared
    return read if found and found.method and shared_name(found.route) == name else in_words_of_v1(declared, read)


def _is_doubtful(found: Equivalent) -> bool:
    """Return whether v2 may refuse a value that v1 takes, as declared. Clients need not send what v2 gets of users."""
    return not found.route["call"]["query_of_users"].keys() >= set(found.doubts)


class RefusedRead:
    def __init__(self, read: Read, source: Read, found: Equivalent) -> None:
        self._read, self._source, self._found = read, source, found

    def run(self, deadline_s: float) -> Outcome:
        with read_only_snapshot(deadline_s) as guard:
            try:
                return self._outcome(guard)
            except UnrepeatableError:
                return Outcome(self._found.template, "unmapped")

    def _outcome(self, guard: Guard) -> Outcome:
        old = ask(self._read, STABLE, below_base(self._source.path), self._source.query, guard)
        if not guard.is_late and (old.tried or old.status >= 500):
            return Outcome(self._found.template, "failed", error=old.error)
        is_steady = not guard.is_late and old.status < 400 and self._is_steady(guard)
        return self.late() if guard.is_late else self._told(old, is_steady=is_steady)

    def late(self, *, is_lost: bool = False) -> Outcome:
        return Outcome(self._found.template, "abandoned" if is_lost else "timed_out")

    def _is_steady(self, guard: Guard) -> bool:
        """Return whether v2 refuses the translation, too or because the request is its own translation.

        Limits don't count repeats, so a right 429 does not repeat.
        """
        target = split_target(as_asked(self._found, self._source.query, has_credentials=self._read.has_credentials))
        if self._read.refusal in OF_ADDRESSES and target == (below_base(self._read.path), self._read.query):
            return True
        return ask(self._read, CANDIDATE, *target, guard).status in REFUSALS

    def _told(self, old: Answer, *, is_steady: bool) -> Outcome:
        status, route = self._read.refusal, self._found.route
        result = "refused_both" if old.status >= 400 else "refused_v2" if is_steady else "refused_once"
        return Outcome(
            self._found.template,
            result,
            (Difference.of_answers("refusal", old.status, status),) if is_steady else (),
            shown(self._read, route),
            shared=shared_name(route),
            votes=(Vote("pair_refusal", CANDIDATE if is_steady else STABLE, float(status)),),
            person=old.person,
        )
