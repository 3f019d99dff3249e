"""The present, on which all processes agree: this machine's clock, unless it differs from the database's (ADR 37).

The time since a reading of the database's clock is measured by the monotonic clock, which nobody sets.
"""

import datetime
import time
from typing import Final, NamedTuple

from django.utils import timezone

TOLERANCE_S: Final = 1.0
READ_EVERY_S: Final = 60.0
DOUBTFUL_EVERY_S: Final = 1.0
"""How often the database is asked while the clocks disagree: perhaps its own was set."""


class _Reading(NamedTuple):
    at: datetime.datetime
    taken_s: float

    def carried_on(self) -> datetime.datetime:
        return self.at + datetime.timedelta(seconds=time.monotonic() - self.taken_s)


_reading: _Reading | None = None
"""The last one; None on SQLite, where all processes have one machine's clock."""


def now() -> datetime.datetime:
    """Return the present in UTC. It may go back by a second, as any clock may."""
    here = timezone.now()
    there = _reading.carried_on() if _reading else here
    return here if _agree(here, there) else there


def note_reading(at: datetime.datetime, *, asked_s: float, answered_s: float) -> None:
    """Remember what the database's clock said at some time between two monotonic instants.

    A slow answer tells too little when there is a reading already.
    """
    global _reading  # noqa: PLW0603 - replaced whole; readers take no lock
    if _reading is None or answered_s - asked_s <= TOLERANCE_S / 2:
        _reading = _Reading(at.astimezone(datetime.UTC), (asked_s + answered_s) / 2)


def wants_reading() -> bool:
    """Whether the last reading is too old: of a minute, or of a second while the clocks disagree."""
    if _reading is None:
        return False
    is_trusted = _agree(timezone.now(), _reading.carried_on())
    return time.monotonic() - _reading.taken_s >= (READ_EVERY_S if is_trusted else DOUBTFUL_EVERY_S)


def _agree(here: datetime.datetime, there: datetime.datetime) -> bool:
    return abs((here - there).total_seconds()) <= TOLERANCE_S
