"""The question that every gate gets, the fault that one may raise, and the gate that is a callable."""

from datetime import datetime
from typing import NamedTuple

from django.utils.module_loading import import_string

from canary.core.gates import Gate, GateResult
from canary.core.values import V1, V2


class Question(NamedTuple):
    """The stage that is asked about, which began at `since`, and the present moment."""

    release: int
    stage: int
    since: datetime
    now: datetime
    candidate: int = V2
    stable: int = V1

    def is_about_same(self, other: "Question | None") -> bool:
        """Return whether an answer to the other question is one to this."""
        return other is not None and self[:3] == other[:3]


class GateFault(Exception):
    """A gate can't answer; the text says why, without secrets of its address."""


def call(gate: Gate, question: Question) -> GateResult:
    """Return what the site's own callable says."""
    result: GateResult = import_string(gate.target)(question.candidate, question.stable, question.since)
    return result
