"""The breaker about reads that v2 refuses and v1, asked the same in the background, answers."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from canary.core.breakers.answers import Minute, Span
from canary.core.breakers.limits import Limits
from canary.core.judgements import Trip
from canary.core.values import CANDIDATE
from canary.core.wording import share, users

WINDOW_S: Final = 900
LEAST_UNITS: Final = 5


class Repeat(NamedTuple):
    """A read that v2 refused and that was repeated on v1, at `at_s` in unix seconds."""

    at_s: float
    unit: str
    is_wrong: bool
    """Whether v1 answers it, and v2 refuses its translation too."""


def wrong_refusals(repeats: Sequence[Repeat], minutes: Sequence[Minute], limits: Limits, now: float) -> Trip | None:
    """Trip when v2 refuses reads of several users wrongly, and many of all reads.

    Not every refusal is repeated, so their share of wrong ones stands for that of all. Each user counts alike in both.
    """
    lately = [repeat for repeat in repeats if repeat.at_s >= now - WINDOW_S]
    units = {repeat.unit for repeat in lately if repeat.is_wrong}
    if len(units) < LEAST_UNITS:
        return None
    found = _wrong_share(lately) * _refused_share(minutes, Span(now - WINDOW_S))
    if found < limits.max_refusals:
        return None
    sentence = (
        f"v2 refuses reads that v1 answers: in the last 15 min those of {users(len(units))}, about {share(found)} of "
        f"all reads of v2 with every user counted alike (rule: {LEAST_UNITS} users and {100 * limits.max_refusals:g} %)"
    )
    return Trip("wrong_refusals", sentence, {"units": len(units), "share": found, "repeated": len(lately)})


def _wrong_share(repeats: Sequence[Repeat]) -> float:
    of_unit: dict[str, list[bool]] = {}
    for repeat in repeats:
        of_unit.setdefault(repeat.unit, []).append(repeat.is_wrong)
    return sum(sum(wrong) / len(wrong) for wrong in of_unit.values()) / len(of_unit)


def _refused_share(minutes: Sequence[Minute], span: Span) -> float:
    of_unit: dict[str, list[int]] = {}
    for minute in minutes:
        if minute.api_version == CANDIDATE and minute.reads and span.holds(minute):
            counts = of_unit.setdefault(minute.unit, [0, 0])
            counts[0] += minute.reads
            counts[1] += minute.refused_reads
    return sum(refused / reads for reads, refused in of_unit.values()) / len(of_unit) if of_unit else 0.0
