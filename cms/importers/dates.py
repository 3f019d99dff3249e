"""Reading instants as sources write them. A date without a time is midnight, a time without a zone is UTC."""

import datetime
import email.utils
import re

# Outside of it stand the zero dates of other systems, and what no time zone could be added to.
EARLIEST_YEAR, LATEST_YEAR = 1900, 9998

_ISO = re.compile(
    r"(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})"
    r"(?:(?:\s*T\s*|\s+)(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d+))?)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{1,2}(?::?\d{2})?)?",
    re.IGNORECASE | re.ASCII,
)
_WORDED = ("%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y")


class UnreadableDate(ValueError):
    """The text is a sentence that says why."""


class TooEarly(UnreadableDate):
    """A date that is long past, whatever it was meant to be: many systems write their zero for none."""


def parse_instant(text: str) -> datetime.datetime:
    """The instant in UTC. Raises UnreadableDate for what is no date, and for dates too far from ours to be meant."""
    try:
        instant = _parsed(text.strip())
        if not EARLIEST_YEAR <= instant.year <= LATEST_YEAR:
            kind = TooEarly if instant.year < EARLIEST_YEAR else UnreadableDate
            raise kind(f"The year is outside {EARLIEST_YEAR} to {LATEST_YEAR}.")
        return instant.astimezone(datetime.UTC)
    except UnreadableDate:
        raise
    except (ValueError, OverflowError, IndexError, TypeError) as error:
        raise UnreadableDate("This is not a date that can be read.") from error


def _parsed(text: str) -> datetime.datetime:
    if match := _ISO.fullmatch(text):
        return _from_parts(match)
    for form in _WORDED:
        try:
            return datetime.datetime.strptime(text, form).replace(tzinfo=datetime.UTC)
        except ValueError:
            continue
    instant = email.utils.parsedate_to_datetime(text)  # RFC 5322, as RSS writes it
    return instant if instant.tzinfo else instant.replace(tzinfo=datetime.UTC)


def _from_parts(match: re.Match[str]) -> datetime.datetime:
    parts = match.groupdict()
    return datetime.datetime(
        int(parts["year"]),
        int(parts["month"]),
        int(parts["day"]),
        int(parts["hour"] or 0),
        int(parts["minute"] or 0),
        int(parts["second"] or 0),
        int((parts["fraction"] or "0")[:6].ljust(6, "0")),
        tzinfo=_zone(parts["zone"] or "Z"),
    )


def _zone(text: str) -> datetime.timezone:
    if text[0] not in "+-":
        return datetime.UTC
    digits = text[1:].replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    offset = datetime.timedelta(hours=int(hours), minutes=int(minutes))
    return datetime.timezone(-offset if text[0] == "-" else offset)
