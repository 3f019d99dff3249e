"""Asks v1 for a read that v2 refused: if v1 answers it, the refusal was wrong."""

from typing import Final

from canary.core.mapping import Declared, Difference, Json, original
from canary.core.values import CANDIDATE, STABLE
from canary.recording.route_names import name_of
from canary.retiring.successors import below_base, declared_successors
from canary.shadow.asking import Answer, Read, ask
from canary.shadow.reading import Outcome, Vote, shared_name, shown
from canary.shadow.snapshots import Guard, read_only_snapshot

TOO_MANY: Final = 429


def prepare_refusal(read: Read) -> "Outcome | RefusedRead":
    """Return a refusal to ask v1 about, or why there is none. Only calls that both versions declare are compared."""
    declared = declared_successors()
    name = name_of(CANDIDATE, "GET", read.template).shared
    found = _row_of(declared, read, name) if declared else None
    return RefusedRead(read, *found) if found else Outcome("", "unmapped")


def _row_of(declared: Declared, read: Read, name: str) -> tuple[Json, str, str] | None:
    """Return v1's row, and the path and query for v1: the same address if v1 has it, else the translation."""
    path = below_base(read.path)
    found = declared.find("GET", path)
    if found and found[0]["call"] and shared_name(found[0]) == name:
        return found[0], path, read.query
    source = original(declared, path, read.query, has_credentials=read.has_credentials, user_id=read.user_id)
    row = declared.find("GET", source[0]) if source else None
    return (row[0], *source) if row and source else None


class RefusedRead:
    def __init__(self, read: Read, route: Json, path: str, query: str) -> None:
        self._read, self._route, self._path, self._query = read, route, path, query
        self._template = f"{route['method']} {route['path']}"

    def run(self, deadline_s: float) -> Outcome:
        with read_only_snapshot(deadline_s) as guard:
            old = ask(self._read, STABLE, self._path, self._query, guard)
            if old.tried or old.status >= 500 or guard.is_late:
                return self.late() if guard.is_late else Outcome(self._template, "failed", error=old.error)
            is_wrong = old.status < 400 and self._is_steady(guard)
        return self._told(old, is_wrong=is_wrong)

    def late(self, *, is_lost: bool = False) -> Outcome:
        return Outcome(self._template, "abandoned" if is_lost else "timed_out")

    def _is_steady(self, guard: Guard) -> bool:
        """Return whether v2 refuses a repeat too: limits don't count repeats, so v2 answers one after a right 429."""
        if self._read.refusal != TOO_MANY:
            return True
        again: Answer = ask(self._read, CANDIDATE, below_base(self._read.path), self._read.query, guard)
        return again.status == TOO_MANY

    def _told(self, old: Answer, *, is_wrong: bool) -> Outcome:
        status = self._read.refusal
        return Outcome(
            self._template,
            "refused_v2" if is_wrong else "refused_both",
            (Difference("", "refusal", old.status, status),) if is_wrong else (),
            shown(self._read, self._route),
            shared=shared_name(self._route),
            votes=(Vote("pair_refusal", CANDIDATE if is_wrong else STABLE, float(status)),),
        )
