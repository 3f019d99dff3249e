"""Counts the answers to each unit minute by minute, for the breakers: in bounded memory, of few enough units.

Those to each consumer of a crossover are counted period by period.
"""

import datetime
from dataclasses import dataclass
from typing import Final, NamedTuple

from canary.core.breakers import is_sampled

UNITS_A_MINUTE: Final = 500
"""Units of one version in one process. Where there are more, half of them are looked at, then a quarter, and so on."""
HALVINGS_MAX: Final = 32


class OutcomeKey(NamedTuple):
    start_at: datetime.datetime
    """The beginning of a minute."""
    release: int
    stage: int
    api_version: int
    unit: str


@dataclass(slots=True)
class Outcome:
    """As `canary.core.breakers.Minute`."""

    halvings: int
    """How often the units that were looked at had been halved by then: `is_sampled`."""
    answers: int = 0
    failures: int = 0
    reads: int = 0
    refused_reads: int = 0
    failed_over: int = 0
    failed_twice: int = 0


class CrossoverKey(NamedTuple):
    """As `canary.models.CrossoverCount`."""

    release: int
    place: int
    period: int
    api_version: int


@dataclass(slots=True)
class Crossed:
    requests: int = 0
    failures: int = 0


class Sample:
    """Which units one process looks at: fewer from the moment on that a minute has too many."""

    def __init__(self) -> None:
        self._start_at: datetime.datetime | None = None
        self._units: dict[int, set[str]] = {}
        self._halvings: dict[int, int] = {}

    def halvings_for(self, key: OutcomeKey) -> int | None:
        """Return how often the units of this version are halved if this one is looked at, None if it is not."""
        if key.start_at != self._start_at:
            self._begin(key.start_at)
        version = key.api_version
        units, halvings = self._units.setdefault(version, set()), self._halvings.get(version, 0)
        if key.unit not in units:
            if not is_sampled(key.unit, halvings):
                return None
            units.add(key.unit)
            if len(units) > UNITS_A_MINUTE and halvings < HALVINGS_MAX:
                halvings = self._halvings[version] = halvings + 1
                units.intersection_update([unit for unit in units if is_sampled(unit, halvings)])
        return halvings if key.unit in units else None

    def _begin(self, start_at: datetime.datetime) -> None:
        """Begin a minute, with one halving less after a minute that would have had room for it."""
        for version, units in self._units.items():
            if len(units) < UNITS_A_MINUTE // 4 and self._halvings.get(version):
                self._halvings[version] -= 1
        self._start_at, self._units = start_at, {}
