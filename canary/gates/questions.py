"""The question that every gate gets, the fault that one may raise, and the gate that is a callable."""

from datetime import datetime
from typing import NamedTuple

from django.utils.module_loading import import_string

from canary.core.gates import Gate, GateResult
from canary.core.names import FIRST, Names, number_of


class Question(NamedTuple):
    """The stage that is asked about, which began at `since`, and the present moment."""

    release: int
    stage: int
    since: datetime
    now: datetime
    candidate: int | str = number_of(FIRST.candidate)
    """The names in force, as numbers where they are."""
    stable: int | str = number_of(FIRST.stable)

    @classmethod
    def of(cls, release: int, stage: int, since: datetime, now: datetime, names: Names) -> "Question":
        return cls(release, stage, since, now, number_of(names.candidate), number_of(names.stable))

    def is_about_same(self, other: "Question | None") -> bool:
        """Return whether an answer to the other question is one to this."""
        return other is not None and self[:3] == other[:3]


class GateFault(Exception):
    """A gate can't answer; the text says why, without secrets of its address."""


def call(gate: Gate, question: Question) -> GateResult:
    """Return what the site's own callable says."""
    result: GateResult = import_string(gate.target)(question.candidate, question.stable, question.since)
    return result
