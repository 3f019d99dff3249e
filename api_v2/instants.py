"""Instants on the wire: RFC 3339, UTC, `Z`, always six digits of a second, so that equal instants are equal texts."""

import datetime
import re

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)
EXPECTED = "An RFC 3339 instant with its offset is expected, such as 2026-01-31T12:00:00Z."


def format_instant(instant: datetime.datetime | None) -> str | None:
    """Return the instant as text. `instant` is in UTC, as all instants from the database are."""
    # With its time zone isoformat() would ask that for the offset, which takes as long again.
    return None if instant is None else f"{instant.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def parse_instant(text: str) -> datetime.datetime | None:
    """Return the instant in UTC; None when `text` is not an RFC 3339 instant or lies outside the years 1 to 9999."""
    if not _RFC_3339.fullmatch(text):
        return None
    try:
        return datetime.datetime.fromisoformat(text.upper()).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None
