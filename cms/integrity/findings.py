"""The shape of a check: a name, a sentence, how to look, and how to mend where that can be done safely."""

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction


@dataclass(frozen=True)
class Finding:
    object_type: str
    object_id: Any
    text: str
    """The fault of the object, as the end of a sentence."""
    field: str = ""

    def __str__(self) -> str:
        return f"{self.object_type} {self.object_id} {self.text}"


type Find = Callable[[datetime.datetime], Iterator[Finding]]
type Repair = Callable[[Sequence[Finding], datetime.datetime], int]
"""Mends findings, looking again at each under its lock; how many were mended."""


@dataclass(frozen=True)
class Check:
    id: str
    sentence: str
    """The statement that should be true."""
    find: Find
    repair: Repair | None = None
    is_deep: bool = False
    """Reads every text or every file."""
    is_warning: bool = False
    """Worth knowing, and no damage."""


def one_by_one(mend: Callable[[Finding, datetime.datetime], bool]) -> Repair:
    """Return a repair with a transaction for each finding. One that a constraint refuses stays as it is."""

    def repair(findings: Sequence[Finding], now: datetime.datetime) -> int:
        return sum(_is_mended(mend, finding, now) for finding in findings)

    return repair


def _is_mended(mend: Callable[[Finding, datetime.datetime], bool], finding: Finding, now: datetime.datetime) -> bool:
    try:
        with transaction.atomic():
            return mend(finding, now)
    except IntegrityError:
        return False


def found(object_type: str, ids: Iterable[Any], text: str) -> Iterator[Finding]:
    """Return a finding for each id, all with the same text."""
    return (Finding(object_type, pk, text) for pk in ids)
