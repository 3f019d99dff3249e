"""Dates and times as people write them: ISO 8601, in plain characters, and in the years that a calendar can name."""

from datetime import UTC, datetime
from typing import Final

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2999
LATEST: Final = datetime(LAST_YEAR + 2, 1, 1, tzinfo=UTC)
"""A moment that every zone can show, after all that a calendar may name."""


def read_iso(text: str) -> datetime:
    """Return the date (its first moment) or time. Raises ValueError.

    Python takes any character before the hour, also one that no database stores.
    """
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"{text!r} has characters that no date has.")
    return datetime.fromisoformat(text)


def parse_date(text: str) -> datetime:
    """Return a date or time of a calendar, with or without a zone. Raises ValueError, also for a year out of range."""
    at = read_iso(text)
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(f"{text!r} is not in the years {FIRST_YEAR} to {LAST_YEAR}.")
    return at


def stored_date(text: str) -> datetime:
    """Return a stored moment with a zone, at most LATEST: older versions stored any year, which not every zone has."""
    return min(datetime.fromisoformat(text), LATEST)


def parse_instant(text: str) -> int:
    """Return the unix seconds of an ISO 8601 date (its first moment) or time; UTC without a zone. Raises ValueError."""
    try:
        at = read_iso(text.strip())
        seconds = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
        datetime.fromtimestamp(seconds, UTC)  # a zone can push the first and the last day out of the calendar
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a date; allowed is ISO 8601: 2027-06-01 or 2027-06-01T12:00:00Z.") from None
    return seconds
