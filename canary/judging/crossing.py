"""Judge a crossover from the counts of its periods."""

from datetime import datetime
from typing import Final

from canary.core.crossover import Crossover, crossover_from, pairs_over
from canary.core.crossover_verdict import CrossoverVerdict, judge_crossover
from canary.core.statistics.crossovers import Answered
from canary.core.values import CANDIDATE
from canary.models import CrossoverCount, Rollout
from canary.services.crossovers import ROLLED_BACK, STOPPED

SETTLED_S: Final = 15
"""After the end of a pair: by then its requests were answered or given up, and the recorders have written them."""

TAKEN_BACK: Final = (STOPPED, ROLLED_BACK)
"""Verdicts of crossovers that ended without a judgement."""


def verdict_on(row: Rollout, now: datetime) -> CrossoverVerdict | None:
    """Return the verdict so far on the crossover of the release; None without one."""
    crossover = crossover_from(row.crossover)
    if crossover is None:
        return None
    done = pairs_done(row, crossover, now)
    rows = CrossoverCount.objects.filter(release=row.release, period__lt=2 * done)
    columns = ("place", "period", "api_version", "requests", "failures")
    seen = {
        (place, period): Answered(version == CANDIDATE, *counts)
        for place, period, version, *counts in rows.values_list(*columns)
    }
    return judge_crossover(crossover, seen, done)


def verdict_in_force(row: Rollout, now: datetime) -> CrossoverVerdict | None:
    """Return the verdict on the crossover; None without one, or if it was stopped or rolled back."""
    is_in_force = row.crossover is not None and row.crossover["verdict"] not in TAKEN_BACK
    return verdict_on(row, now) if is_in_force else None


def pairs_done(row: Rollout, crossover: Crossover, now: datetime) -> int:
    """Return how many pairs of periods are over, with all that was seen in them."""
    ended_at = row.crossover["ended_at"] if row.crossover else None
    return pairs_over(crossover, (now.timestamp() if ended_at is None else ended_at) - SETTLED_S)


class Crossing:
    """The verdict in force, read again when another pair of periods is over."""

    def __init__(self) -> None:
        self._known: tuple[int, int] | None = None
        self._verdict: CrossoverVerdict | None = None

    def verdict(self, row: Rollout, now: datetime) -> CrossoverVerdict | None:
        crossover = crossover_from(row.crossover)
        if crossover is None:
            return None
        known = row.version, pairs_done(row, crossover, now)
        if self._known != known:
            self._verdict, self._known = verdict_in_force(row, now), known
        return self._verdict
