"""Answers to each unit, minute by minute, and sums of them, for the breakers about failures."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from canary.core.values import V1, V2

MINUTE_S: Final = 60


class Minute(NamedTuple):
    """The answers of one version to one unit in one minute.

    `start_s` is in unix seconds. `answers` counts those that are judged, `failures` the failed ones of them, `reads`
    all safe requests, and `refused_reads` those of them that were answered by 4xx.
    """

    start_s: int
    api_version: int
    unit: str
    answers: int
    failures: int
    reads: int = 0
    refused_reads: int = 0


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
    counts: dict[str, Count] = {}
    nothing = Count(0, 0)
    for minute in minutes:
        if minute.answers and minute.api_version in versions and span.holds(minute):
            known = counts.get(minute.unit, nothing)
            counts[minute.unit] = Count(known.answers + minute.answers, known.failures + minute.failures)
    return counts


def share_of(minutes: Iterable[Minute], span: Span, *versions: int) -> Share:
    """Return how many units had a failed answer; of both versions when none is named."""
    counts = by_unit(minutes, span, versions or (V1, V2))
    return Share(len(counts), sum(count.failures > 0 for count in counts.values()))


def mean_share(counts: dict[str, Count]) -> float:
    """Return the share of failed answers with each unit counted alike, however many requests it sends."""
    return sum(count.share for count in counts.values()) / len(counts) if counts else 0.0


def is_sampled(unit: str, halvings: int) -> bool:
    """Return whether a unit, a digest in hex, is of the half, quarter, … that is looked at where there are too many.

    The same units wherever and whenever it is asked, so that their share of failing ones is that of all.
    """
    return int(unit[-8:], 16) >> (32 - halvings) == 0 if halvings else True
