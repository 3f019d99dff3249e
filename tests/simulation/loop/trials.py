"""Many releases of one kind, in all processors, and how they ended under each rule."""

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from tests.simulation.loop.cases import ROWS, Wanted, at_least, at_most
from tests.simulation.loop.playing import Played, Release


@dataclass
class Trials:
    runs: int = 0
    rollbacks_s: list[float] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    promoted: int = 0
    failed_reads: int = 0
    argo_min: list[float] = field(default_factory=list)
    flagger_min: list[float] = field(default_factory=list)

    def add(self, played: Played) -> None:
        self.runs += 1
        if played.rolled_back_s is not None:
            self.rollbacks_s.append(played.rolled_back_s)
            self.reasons[played.reason] += 1
        self.promoted += played.promoted_s is not None
        self.failed_reads += played.failed_reads
        for ends_min, end_min in (
            (self.argo_min, played.watch.argo_min()),
            (self.flagger_min, played.watch.flagger_min()),
        ):
            if end_min is not None:
                ends_min.append(end_min)

    def faults(self, wanted: Wanted, *, is_short: bool = False) -> list[str]:
        """Return what is not as wanted; in a short form only what chance does not explain."""
        runs, in_time = self.runs, sum(after_s <= wanted.within_s for after_s in self.rollbacks_s)
        found = []
        least = 0.0 if wanted.least is None else at_least(runs, wanted.least) if is_short else runs * wanted.least
        most = runs if wanted.most is None else at_most(runs, wanted.most) if is_short else runs * wanted.most
        if in_time < least:
            found.append(f"{in_time} of {runs} are rolled back in time")
        if len(self.rollbacks_s) > most:
            found.append(f"{len(self.rollbacks_s)} of {runs} are rolled back by {dict(self.reasons)}")
        if wanted.is_promoted is False and self.promoted:
            found.append(f"{self.promoted} of {runs} are promoted")
        if wanted.has_failed_reads is False and self.failed_reads:
            found.append(f"{self.failed_reads} reads failed")
        return found


def run_row(name: str, runs: int, seed: str, pool: Executor | None = None) -> Trials:
    trials, seeds = Trials(), [f"{seed} {name} {number}" for number in range(runs)]
    names = [name] * runs
    results: Iterable[Played] = map(_play, names, seeds) if pool is None else pool.map(_play, names, seeds)
    for played in results:
        trials.add(played)
    return trials


def _play(name: str, seed: str) -> Played:
    """By the name: a case holds functions, which can't be sent to another process."""
    return Release(ROWS[name].case, seed).play()
