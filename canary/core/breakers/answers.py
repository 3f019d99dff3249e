"""Answers to each unit, minute by minute, and sums of them, for the breakers about failures."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from canary.core.values import CANDIDATE, STABLE

MINUTE_S: Final = 60


class Minute(NamedTuple):
    """The answers of one version to one unit in one minute.

    `start_s` is in unix seconds. `answers` counts those that are judged, `failures` the failed ones of them, `reads`
    all safe requests, and `refused_reads` those of them that were answered by 4xx. `failed_over` counts the failures
    that v1 answered instead, and `failed_twice` those of them in which v1 failed, too.
    """

    start_s: int
    api_version: int
    unit: str
    answers: int
    failures: int
    reads: int = 0
    refused_reads: int = 0
    failed_over: int = 0
    failed_twice: int = 0


class Count(NamedTuple):
    answers: int
    failures: int

    @property
    def share(self) -> float:
        return self.failures / self.answers


class Share(NamedTuple):
    """How many units were answered, and how many of them had a failed answer."""

    units: int
    failing: int

    @property
    def value(self) -> float:
        return self.failing / self.units if self.units else 0.0


class Span(NamedTuple):
    """Minutes that begin from `start_s` on and before `end_s`, in unix seconds."""

    start_s: float
    end_s: float = float("inf")

    def holds(self, minute: Minute) -> bool:
        return self.start_s <= minute.start_s < self.end_s


def by_unit(minutes: Iterable[Minute], span: Span, versions: Sequence[int]) -> dict[str, Count]:
    """Return the judged answers of each unit that had any."""
    begin_s, end_s = span
    return _summed(
        (minute.unit, minute.answers, minute.failures)
        for minute in minutes
        if begin_s <= minute.start_s < end_s and minute.api_version in versions
    )


def failed_over_by_unit(minutes: Iterable[Minute], span: Span) -> dict[str, Count]:
    """Return v1's answers in place of v2's failed ones, of each unit that had any."""
    return _summed((minute.unit, minute.failed_over, minute.failed_twice) for minute in minutes if span.holds(minute))


def _summed(counts: Iterable[tuple[str, int, int]]) -> dict[str, Count]:
    sums: dict[str, list[int]] = {}
    for unit, answers, failures in counts:
        if answers:
            known = sums.setdefault(unit, [0, 0])
            known[0] += answers
            known[1] += failures
    return {unit: Count(*known) for unit, known in sums.items()}


def share_of(minutes: Iterable[Minute], span: Span, *versions: int) -> Share:
    """Return how many units had a failed answer; of both versions when none is named."""
    counts = by_unit(minutes, span, versions or (STABLE, CANDIDATE))
    return Share(len(counts), sum(count.failures > 0 for count in counts.values()))


def mean_share(counts: dict[str, Count]) -> float:
    """Return the share of failed answers with each unit counted alike, however many requests it sends."""
    return sum(count.share for count in counts.values()) / len(counts) if counts else 0.0


def mean_without_highest(counts: dict[str, Count]) -> float:
    """Return the same without the unit that fails the most, if there is any other."""
    shares = sorted(count.share for count in counts.values())
    rest = shares[:-1] or shares
    return sum(rest) / len(rest) if rest else 0.0


def is_sampled(unit: str, halvings: int) -> bool:
    """Return whether a unit, a digest in hex, is of the half, quarter, … that is looked at where there are too many.

    The same units wherever and whenever it is asked, so that their share of failing ones is that of all.
    """
    return int(unit[-8:], 16) >> (32 - halvings) == 0 if halvings else True
