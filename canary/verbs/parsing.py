"""Parse the text of the doors into values: each function raises ValueError with a sentence about what is allowed."""

import re
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from canary.core import calendar
from canary.core.breakers.limits import (
    CRASHES_RANGE,
    MAX_ERRORS_RANGE_BP,
    REFUSALS_RANGE_BP,
    SLOWDOWN_RANGE,
    TOTAL_RANGE_BP,
)
from canary.core.bucketing import SALT_BYTES
from canary.core.chain import Head
from canary.core.consumers import NAMED
from canary.core.instants import FIRST_YEAR, LAST_YEAR, parse_date, parse_instant, read_iso
from canary.core.values import Identity, is_storable, parse_identity

PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?", re.ASCII)
HEAD = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})", re.ASCII)
MINUTES = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,4})?", re.ASCII)
FULL_BP: Final = 10_000
STEPS_MAX: Final = 20
MINUTES_MAX: Final = 525_600  # a year
TEXT_MAX: Final = 1_000
IDENTIFIER_MAX: Final = 400
PLACE_MAX: Final = 200
WHEN: Final = "an ISO 8601 date or time, in UTC unless it names a zone"
INTEGER_MAX: Final = 2**63 - 1


def parse_percent(text: str) -> int:
    """Parse a share in percent as basis points, 0..10000; digits only, so that nothing is rounded."""
    found = PERCENT.fullmatch(text)
    basis_points = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else FULL_BP + 1
    if basis_points > FULL_BP:
        raise ValueError(f"{text!r} is not a share: use 0 to 100 in plain digits with up to two decimals.")
    return basis_points


def parse_plan(text: str) -> list[int]:
    """Parse `10,50,90,100` as basis points, each step above the one before."""
    steps = [parse_percent(step.strip()) for step in text.split(",")]
    if len(steps) > STEPS_MAX or any(step >= following for step, following in zip([0, *steps], steps, strict=False)):
        raise ValueError(f"{text!r} is not a plan: use 1 to {STEPS_MAX} shares above 0, each above the one before.")
    return steps


def parse_minutes(text: str) -> float:
    """Parse minutes, fractions too, as seconds."""
    if not MINUTES.fullmatch(text) or float(text) > MINUTES_MAX:
        raise ValueError(f"{text!r} is not a time: use 0 to {MINUTES_MAX} minutes in plain digits, such as 0.5.")
    return round(float(text) * 60, 3)


def parse_max_errors(text: str) -> int:
    """Parse how many users may have a failed answer: a share in percent, as basis points."""
    return _parse_share(text, MAX_ERRORS_RANGE_BP)


def parse_refusals(text: str) -> int:
    """Parse how many of its reads v2 may refuse wrongly: a share in percent, as basis points."""
    return _parse_share(text, REFUSALS_RANGE_BP)


def parse_total(text: str) -> int:
    """Parse the share of failed answers from which v2 fails totally: in percent, as basis points."""
    return _parse_share(text, TOTAL_RANGE_BP)


def _parse_share(text: str, range_bp: tuple[int, int]) -> int:
    least, most = range_bp
    basis_points = parse_percent(text)
    if not least <= basis_points <= most:
        raise ValueError(f"{text!r} is not allowed: use {least / 100:g} to {most / 100:g} percent.")
    return basis_points


def parse_slowdown(text: str) -> float:
    """Parse how many times v1's latency v2's may be."""
    least, most = SLOWDOWN_RANGE
    if not PERCENT.fullmatch(text) or not least <= float(text) <= most:
        raise ValueError(f"{text!r} is not a slowdown: use {least:g} to {most:g} with up to two decimals.")
    return float(text)


def parse_crashes(text: str) -> int:
    """Parse how many workers may die within ten minutes."""
    least, most = CRASHES_RANGE
    number = parse_count(text)
    if not least <= number <= most:
        raise ValueError(f"{text!r} is not allowed: use {least} to {most}.")
    return number


def parse_dates(text: str) -> list[datetime]:
    """Parse moments in ISO 8601 with commas between; those without a zone are in the plan's."""
    try:
        return [parse_date(word.strip()) for word in text.split(",")]
    except ValueError as error:
        raise ValueError(
            f"{text!r} are not dates: use 2026-12-08T10:00, with commas between and years from {FIRST_YEAR} to"
            f" {LAST_YEAR}."
        ) from error


def parse_freezes(text: str) -> list[str]:
    """Parse freezes with commas between."""
    return [freeze.text for freeze in calendar.parse_freezes(text.split(","))]


def parse_zone(text: str) -> str:
    """Parse the name of a time zone."""
    try:
        return ZoneInfo(text).key
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise ValueError(f"{text!r} is not a time zone: use a name such as Europe/Berlin.") from error


def parse_text(text: str) -> str:
    """Parse a sentence that the event log keeps: 1 to 1000 characters, more than blanks."""
    words = text.strip()
    if not words or len(words) > TEXT_MAX or not is_storable(words):
        raise ValueError(f"A text has 1 to {TEXT_MAX} characters that can be stored, and not only blanks.")
    return words


def parse_place(text: str) -> str:
    """Parse a place in an answer, as `differences list` shows it; empty for the whole answer."""
    if len(text) > PLACE_MAX or not is_storable(text):
        raise ValueError(f"A place has at most {PLACE_MAX} characters that can be stored.")
    return text


def parse_head(text: str) -> Head:
    """Parse a version and hash, as `history --head` prints them."""
    found = HEAD.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a head: use VERSION:HASH, as `history --head` prints it.")
    return Head(int(found[1]), found[2])


def parse_count(text: str) -> int:
    """Parse a whole number from 0 on."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > INTEGER_MAX:
        raise ValueError(f"{text!r} is not a whole number of 0 or more in plain digits.")
    return int(text)


def parse_limit(text: str) -> int:
    """Parse how many rows are shown: 1 to 1000."""
    number = parse_count(text)
    if not 1 <= number <= 1_000:
        raise ValueError(f"{text!r} is not allowed: use 1 to 1000.")
    return number


def parse_listed_identity(text: str) -> Identity:
    """Parse an identity that a list can keep."""
    identity = parse_identity(text)
    if len(identity.id) > IDENTIFIER_MAX or not is_storable(identity.id):
        raise ValueError(f"An id on a list has 1 to {IDENTIFIER_MAX} characters that can be stored.")
    return identity


def parse_consumer(text: str) -> str:
    """Parse the name of a consumer, as the usage of v1 has it."""
    identity = parse_listed_identity(text)
    if identity.kind not in NAMED:
        raise ValueError(f"{text!r} is not a consumer; allowed is KIND:ID with KIND one of {', '.join(NAMED)}.")
    return str(identity)


def parse_consumers(text: str) -> list[str]:
    """Parse names of consumers with commas between."""
    return [parse_consumer(name.strip()) for name in text.split(",")]


def parse_salt(text: str) -> str:
    minimum, maximum = SALT_BYTES
    if not is_storable(text) or not minimum <= len(text.encode()) <= maximum:
        raise ValueError(f"A salt has {minimum} to {maximum} bytes in UTF-8.")
    return text


def parse_moment(text: str) -> datetime:
    """Parse an instant as `parse_instant` does, with the fraction of its second."""
    parse_instant(text)
    at = read_iso(text.strip())
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
