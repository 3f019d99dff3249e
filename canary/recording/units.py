"""Turn judged requests into observations that the statistics may bet on, one per identity, stage and metric."""

import datetime
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from canary.conf import canary_conf
from canary.core.values import Snapshot
from canary.recording.batches import ObservationRow

UNITS_MAX: Final = 100_000
"""The most units of a stage in memory, some 30 MB. A unit forgotten too early is noted again; it still counts once."""
STAGES_MAX: Final = 2
"""While a change of weight spreads, requests of two stages come mixed."""
SUMMARY: Final = 3
FULL_BP: Final = 10_000
NEEDS_NO_CHANCE: Final = frozenset({"seen", "settled", "error", "pair_error"})
"""Metrics that are noted at 0 and 100 % too, where no chance decides."""


class Subject(NamedTuple):
    """The unit that a request counts for, and the identity by which it was split; both are digests."""

    unit: str
    identity: str
    is_authenticated: bool
    """Whether it counts alone. Others count once a network."""
    is_chosen: bool = False
    """Whether the person could choose the identity among others of both versions."""


class Judged(NamedTuple):
    """A request that was split by its bucket."""

    snapshot: Snapshot
    api_version: int
    subject: Subject
    route: str
    status: int
    latency_ms: float
    network: str
    at: datetime.datetime
    is_evidence: bool = True
    """Whether its outcome counts.

    Its arrival counts in any case: else a 404 of one version alone would look like lost users.
    """
    has_failed_alone: bool = False
    """Whether this version failed, and the other one answered the same request."""
    is_refusal: bool = False
    """Whether it is a 4xx, a redirect of a write, or has found no room, on a route that both versions declare.

    The other version could have answered it.
    """


@dataclass(slots=True)
class _Unit:
    """Notes on one unit by one identity in a stage."""

    is_seen: bool = False
    is_refused: bool = False
    requests: int = 0
    has_failed: bool = False
    has_failed_alone: bool = False
    is_warm: bool = False
    latencies: dict[str, tuple[int, float]] | None = field(default_factory=dict)
    """By route how many and the sum of their logarithms; None once one route has its summary. Empty again when warm."""


class Units:
    def __init__(self) -> None:
        self._stages: dict[tuple[int, int], dict[Subject, _Unit]] = {}
        self._warm_at: dict[tuple[int, int], datetime.datetime] = {}
        """When the warm-up of a stage is over: it begins with this process' first request of the stage."""

    def observe(self, judged: Judged) -> Iterator[ObservationRow]:
        """Yield the rows that this request causes, in the order in which the statistics have to take them."""
        snapshot = judged.snapshot
        if snapshot.version == 0:
            return  # nothing is stored: there is no release whose evidence it could be
        unit = self._unit(snapshot, judged.subject)
        is_warm = judged.at >= self._warm_since(judged)
        is_chance = 0 < snapshot.weight_bp < FULL_BP
        for metric, value in _metrics(unit, judged, is_warm):
            if is_chance or metric in NEEDS_NO_CHANCE:
                yield _row(judged, metric, value)

    def _unit(self, snapshot: Snapshot, subject: Subject) -> _Unit:
        key = (snapshot.release, snapshot.stage)
        units = self._stages.get(key)
        if units is None:
            units = self._stages[key] = {}
            for old in sorted(self._stages)[:-STAGES_MAX]:
                del self._stages[old]
                self._warm_at.pop(old, None)
        unit = units.get(subject)
        if unit is None:
            if len(units) >= UNITS_MAX:
                del units[next(iter(units))]
            unit = units[subject] = _Unit()
        return unit

    def _warm_since(self, judged: Judged) -> datetime.datetime:
        warm_up = datetime.timedelta(seconds=canary_conf().warm_up_s)
        return self._warm_at.setdefault((judged.snapshot.release, judged.snapshot.stage), judged.at + warm_up)


def _metrics(unit: _Unit, judged: Judged, is_warm: bool) -> Iterator[tuple[str, float | None]]:
    if not unit.is_seen:
        unit.is_seen = True
        yield "seen", None
    if judged.has_failed_alone and not unit.has_failed_alone:
        unit.has_failed_alone = True
        yield "pair_error", None
    if judged.is_refusal and not unit.is_refused:
        unit.is_refused = True
        yield "refusal", None
    if not judged.is_evidence:
        return
    unit.requests += 1
    if judged.status >= 500:
        if not unit.has_failed:
            unit.has_failed = True
            yield "error", None
    elif judged.status < 400 and (mean := _summary(unit, judged, is_warm)) is not None:
        yield "latency" if is_warm else "latency_cold", mean
    if unit.requests == SUMMARY and not unit.has_failed:
        yield "settled", None


def _summary(unit: _Unit, judged: Judged, is_warm: bool) -> float | None:
    """Return the mean of answered requests only: a refusal is quick on either version and does not show the work."""
    if is_warm and not unit.is_warm:
        unit.is_warm, unit.latencies = True, {}
    if unit.latencies is None or is_warm != unit.is_warm:
        return None
    count, total = unit.latencies.get(judged.route, (0, 0.0))
    count, total = count + 1, total + math.log(max(judged.latency_ms, 0.001))
    unit.latencies[judged.route] = (count, total)
    if count < SUMMARY:
        return None
    unit.latencies = None
    return total / count


def _row(judged: Judged, metric: str, value: float | None) -> ObservationRow:
    snapshot = judged.snapshot
    return ObservationRow(
        snapshot.release,
        snapshot.stage,
        snapshot.weight_bp,
        judged.subject.unit,
        judged.api_version,
        metric,
        judged.route,
        value,
        judged.subject.is_authenticated,
        judged.network,
        judged.at,
        judged.subject.identity,
        judged.subject.is_chosen,
    )
