"""Dates and times in ISO 8601: those that people may write, and those that are stored."""

from datetime import UTC, datetime
from typing import Final

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2999
LATEST: Final = datetime(LAST_YEAR + 2, 1, 1, tzinfo=UTC)
"""A moment that every zone can show, after all that a calendar may name."""


def parse_date(text: str) -> datetime:
    """Return a date or time of a calendar, with or without a zone. Raises ValueError, also for a year out of range."""
    at = datetime.fromisoformat(text)
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(f"{text!r} is not in the years {FIRST_YEAR} to {LAST_YEAR}.")
    return at


def stored_date(text: str) -> datetime:
    """Return a stored moment with a zone, at most LATEST: older versions stored any year, which not every zone has."""
    return min(datetime.fromisoformat(text), LATEST)
