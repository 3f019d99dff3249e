"""Observations that are not in the database yet: summed up in memory, within bounds, however long it is away."""

import datetime
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from canary.core.histograms import Histogram, add
from canary.core.values import Identity
from canary.recording.outcomes import Crossed, CrossoverKey, Outcome, OutcomeKey

CELLS_MAX: Final = 20_000
OBSERVATIONS_MAX: Final = 50_000
SEEN_MAX: Final = 50_000
USAGES_MAX: Final = 50_000
FINDINGS_MAX: Final = 1_000
OUTCOMES_MAX: Final = 20_000
BUCKET_S: Final = 5
COARSER_S: Final = (60, 3_600, 86_400)


class CellKey(NamedTuple):
    start_s: int
    """Unix seconds, a multiple of BUCKET_S or of one of COARSER_S."""
    release: int
    stage: int
    weight_bp: int
    api_version: int
    route: str
    judged: bool


@dataclass(slots=True)
class Cell:
    requests: int = 0
    statuses: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    """2xx to 5xx."""
    client_errors: int = 0
    sql: int = 0
    sql_max: int = 0
    seconds: float = 0.0
    histogram: Histogram = field(default_factory=dict)

    def merge(self, other: "Cell") -> None:
        self.requests += other.requests
        self.statuses = [a + b for a, b in zip(self.statuses, other.statuses, strict=True)]
        self.client_errors += other.client_errors
        self.sql += other.sql
        self.sql_max = max(self.sql_max, other.sql_max)
        self.seconds += other.seconds
        add(self.histogram, other.histogram)


class ObservationRow(NamedTuple):
    """The columns of `canary.models.Observation` but its sequence."""

    release: int
    stage: int
    weight_bp: int
    unit: str
    api_version: int
    metric: str
    route: str
    value: float | None
    is_authenticated: bool
    network: str
    at: datetime.datetime
    """When the request came, not when it was answered."""
    identity: str
    is_chosen: bool = False


class FindingKey(NamedTuple):
    release: int
    api_version: int
    route: str
    fingerprint: str


@dataclass(slots=True)
class Finding:
    statement: str
    first_seen_at: datetime.datetime
    last_seen_at: datetime.datetime
    repeats_max: int = 0
    requests: int = 0


class UsageKey(NamedTuple):
    day: datetime.date
    kind: str
    identifier: str
    route: str


@dataclass(slots=True)
class Usage:
    agent: str
    last_seen_at: datetime.datetime
    calls: int = 0
    refused: int = 0
    is_vouched: bool = False
    """Whether a view has let in the credential of a call: anybody can make up other names."""

    def merge(self, other: "Usage") -> None:
        if other.last_seen_at >= self.last_seen_at:
            self.agent, self.last_seen_at = other.agent or self.agent, other.last_seen_at
        self.calls += other.calls
        self.refused += other.refused
        self.is_vouched |= other.is_vouched


class LastSeen(NamedTuple):
    at: datetime.datetime
    before: Identity | None


@dataclass
class Batch:
    """One transaction's worth. Each part has its bound; what had to go is counted in `lost`."""

    cells: dict[CellKey, Cell] = field(default_factory=dict)
    observations: deque[ObservationRow] = field(default_factory=deque)
    findings: dict[FindingKey, Finding] = field(default_factory=dict)
    seen: dict[Identity, LastSeen] = field(default_factory=dict)
    usages: dict[UsageKey, Usage] = field(default_factory=dict)
    lost: int = 0
    outcomes: dict[OutcomeKey, Outcome] = field(default_factory=dict)
    crossed: dict[CrossoverKey, Crossed] = field(default_factory=dict)
    """Bounded by the consumers and periods of a crossover."""

    def cell(self, key: CellKey) -> Cell:
        found = self.cells.get(key)
        if found is None:
            if len(self.cells) >= CELLS_MAX:
                self._coarsen()
            found = self.cells[key] = Cell()
        return found

    def observe(self, row: ObservationRow) -> None:
        if len(self.observations) >= OBSERVATIONS_MAX:
            self.observations.popleft()
            self.lost += 1
        self.observations.append(row)

    def finding(self, key: FindingKey, make: Callable[[], Finding]) -> Finding:
        return self._entry(self.findings, key, make, FINDINGS_MAX)

    def usage(self, key: UsageKey, make: Callable[[], Usage]) -> Usage:
        """Return the usage. Beyond the bound all consumers of a kind share one without a name, so their calls count."""
        if key not in self.usages and len(self.usages) >= USAGES_MAX:
            key = key._replace(identifier="")
        return self._entry(self.usages, key, make, 2 * USAGES_MAX)

    def outcome(self, key: OutcomeKey, halvings: int) -> Outcome:
        found = self._entry(self.outcomes, key, lambda: Outcome(halvings), OUTCOMES_MAX)
        found.halvings = max(found.halvings, halvings)
        return found

    def see(self, identity: Identity, last_seen: LastSeen) -> None:
        known = self.seen.pop(identity, None)
        if len(self.seen) >= SEEN_MAX:
            del self.seen[next(iter(self.seen))]
            self.lost += 1
        before = last_seen.before or (known.before if known else None)
        self.seen[identity] = LastSeen(last_seen.at, before)

    def is_empty(self) -> bool:
        parts = (self.cells, self.observations, self.findings, self.seen, self.usages, self.outcomes, self.crossed)
        return not any(parts)

    def take_closed(self, before_s: float) -> "Batch":
        """Take out everything that can be written; of the cells, those whose time ended before `before_s`.

        Observations come in the order of their requests, and only those of requests that came by `before_s`. In the
        order of the responses a stage would begin with users of the quicker version, as if there were too many of them.
        """
        taken = Batch({}, deque(), self.findings, self.seen, self.usages, self.lost, crossed=self.crossed)
        waiting, self.observations = sorted(self.observations, key=lambda row: row.at), deque()
        for row in waiting:
            (taken if row.at.timestamp() <= before_s else self).observations.append(row)
        for key in [key for key in self.cells if key.start_s + BUCKET_S <= before_s]:
            taken.cells[key] = self.cells.pop(key)
        if taken.cells:
            # As often as these, not with every batch: each time they write the same rows again.
            taken.outcomes, self.outcomes = self.outcomes, {}
        self.findings, self.seen, self.usages, self.crossed = {}, {}, {}, {}
        self.lost = 0
        return taken

    def _entry[Key, Entry](self, entries: dict[Key, Entry], key: Key, make: Callable[[], Entry], size: int) -> Entry:
        found = entries.get(key)
        if found is None:
            if len(entries) >= size:
                del entries[next(iter(entries))]
                self.lost += 1
            found = entries[key] = make()
        return found

    def _coarsen(self) -> None:
        """Lose nothing but the detail of time: minutes in place of seconds, then hours, then days."""
        for step_s in COARSER_S:
            merged: dict[CellKey, Cell] = {}
            for key, cell in self.cells.items():
                merged.setdefault(key._replace(start_s=key.start_s - key.start_s % step_s), Cell()).merge(cell)
            self.cells = merged
            if len(merged) < CELLS_MAX // 2:
                return
        while len(self.cells) >= CELLS_MAX:
            self.lost += self.cells.pop(next(iter(self.cells))).requests
