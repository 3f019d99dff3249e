"""Reading instants as sources write them. A date without a time is midnight, a time without a zone is UTC."""

import datetime
import email.utils
import re
from typing import Final

from cms import limits

_ISO = re.compile(
    r"(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})"
    r"(?:(?:\s*T\s*|\s+)(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d+))?)?"
    r"(?:\s*(?P<half>[AP])\.?M\.?)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[A-Z]{2,4}T|[+-]\d{1,2}(?::?\d{2})?)?",
    re.IGNORECASE | re.ASCII,
)
# As JavaScript writes a date: Mon Sep 23 2013 11:25:07 GMT-0700 (PDT).
_JAVASCRIPT = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2} \d{1,2} \d{4} [\d:]{8}) GMT([+-]\d{4})(?: \([^()]*\))?", re.ASCII
)
# Zones by name: the ones of RFC 5322 section 4.3, and of Europe and Japan what can't be taken for another zone.
_ZONES: Final = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "JST": 9,
}  # fmt: skip
_WORDED = ("%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y")


class UnreadableDate(ValueError):
    """The text is a sentence that says why."""


class TooEarly(UnreadableDate):
    """A date that is too long past to be meant: many systems write their zero for none."""


def parse_instant(text: str) -> datetime.datetime:
    """Return the instant in UTC. Raises UnreadableDate for other text, and for dates too far from ours to be meant."""
    try:
        return bounded(_parsed(text.strip()))
    except UnreadableDate:
        raise
    except (ValueError, OverflowError, IndexError, TypeError) as error:
        raise UnreadableDate("This is not a date that can be read.") from error


def bounded(instant: datetime.datetime) -> datetime.datetime:
    """Return the instant in UTC. Raises UnreadableDate for one too far from ours to be meant."""
    first, last = limits.YEARS
    if not first <= instant.year <= last:
        kind = TooEarly if instant.year < first else UnreadableDate
        raise kind(f"The year is outside {first} to {last}.")
    return instant.astimezone(datetime.UTC)


def _parsed(text: str) -> datetime.datetime:
    if match := _ISO.fullmatch(text):
        return _from_parts(match)
    for form in _WORDED:
        try:
            return datetime.datetime.strptime(text, form).replace(tzinfo=datetime.UTC)
        except ValueError:
            continue
    if match := _JAVASCRIPT.fullmatch(text):
        return datetime.datetime.strptime(f"{match[1]} {match[2]}", "%b %d %Y %H:%M:%S %z")
    instant = email.utils.parsedate_to_datetime(text)  # RFC 5322, as RSS writes it
    return instant if instant.tzinfo else instant.replace(tzinfo=datetime.UTC)


def _from_parts(match: re.Match[str]) -> datetime.datetime:
    parts = match.groupdict()
    return datetime.datetime(
        int(parts["year"]),
        int(parts["month"]),
        int(parts["day"]),
        _hour(int(parts["hour"] or 0), parts["half"]),
        int(parts["minute"] or 0),
        int(parts["second"] or 0),
        int((parts["fraction"] or "0")[:6].ljust(6, "0")),
        tzinfo=_zone(parts["zone"] or "Z"),
    )


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise UnreadableDate("A clock of twelve hours knows no such hour.")
    return hour % 12 + (12 if half in "Pp" else 0)


def _zone(text: str) -> datetime.timezone:
    name = text.upper()
    if name in ("Z", "UTC", "GMT"):
        return datetime.UTC
    if text[0] not in "+-":
        if name not in _ZONES:
            raise UnreadableDate(f"The time zone {text} is not known here.")
        return datetime.timezone(datetime.timedelta(hours=_ZONES[name]))
    digits = text[1:].replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    offset = datetime.timedelta(hours=int(hours), minutes=int(minutes))
    return datetime.timezone(-offset if text[0] == "-" else offset)
