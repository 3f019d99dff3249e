"""The present, on which all processes agree: this machine's clock, unless it differs from the database's (ADR 37).

The time since a reading of the database's clock is measured by the monotonic clock, which nobody sets.
"""

import datetime
import time
from typing import Final, NamedTuple

TOLERANCE_S: Final = 1.0
READ_EVERY_S: Final = 60.0
DOUBTFUL_EVERY_S: Final = 1.0
"""How often the database is asked while the clocks disagree: perhaps its own was set."""


class _Reading(NamedTuple):
    """The database's clock in unix seconds, and the monotonic one at that moment."""

    at_s: float
    taken_s: float


_reading: _Reading | None = None
"""The last one; None on SQLite, where all processes have one machine's clock."""


def now() -> datetime.datetime:
    """Return the present in UTC. It may go back by a second, as any clock may."""
    return datetime.datetime.fromtimestamp(now_s(), datetime.UTC)


def now_s() -> float:
    """Return the present in unix seconds, which costs less."""
    here, reading = time.time(), _reading
    if reading is None:
        return here
    there = reading.at_s + time.monotonic() - reading.taken_s
    return here if -TOLERANCE_S <= here - there <= TOLERANCE_S else there


def note_reading(at: datetime.datetime, *, asked_s: float, answered_s: float) -> None:
    """Remember what the database's clock said at some time between two monotonic instants.

    A slow answer tells too little when there is a reading already.
    """
    global _reading  # noqa: PLW0603 - replaced whole; readers take no lock
    if _reading is None or answered_s - asked_s <= TOLERANCE_S / 2:
        _reading = _Reading(at.timestamp(), (asked_s + answered_s) / 2)


def wants_reading() -> bool:
    """Whether the last reading is too old: of a minute, or of a second while the clocks disagree."""
    if _reading is None:
        return False
    is_trusted = abs(now_s() - time.time()) <= TOLERANCE_S
    return time.monotonic() - _reading.taken_s >= (READ_EVERY_S if is_trusted else DOUBTFUL_EVERY_S)
