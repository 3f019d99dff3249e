"""Whether reads may be repeated: not after a rollback, nor in a stage in which v2 ends its processes."""

from typing import Final

from canary.core.values import CANDIDATE, Snapshot
from canary.models import Crash

LOOK_EVERY_S: Final = 5.0
MOST_DEATHS: Final = 2
"""In a stage. A repeat may be what ends the processes, so the limit of a rollback does not count here."""


class Caution:
    """One a process. Raises what the database raises: without an answer nothing is repeated."""

    def __init__(self) -> None:
        self._looked: tuple[int, int, float] | None = None
        self.deaths = 0
        """How many processes died in the stage with v2 in them, by the last look."""

    def allows(self, snapshot: Snapshot, now_s: float) -> bool:
        """Return whether a read may be repeated. `now_s` is of a clock that doesn't jump."""
        if snapshot.latched:
            return False
        if not self._is_lately(snapshot, now_s):
            rows = Crash.objects.filter(release=snapshot.release, stage=snapshot.stage, api_version=CANDIDATE)
            self.deaths = rows.values("death").distinct().count()
            self._looked = (snapshot.release, snapshot.stage, now_s)
        return self.deaths <= MOST_DEATHS

    def _is_lately(self, snapshot: Snapshot, now_s: float) -> bool:
        if self._looked is None or self._looked[:2] != (snapshot.release, snapshot.stage):
            return False
        return now_s - self._looked[2] < LOOK_EVERY_S
