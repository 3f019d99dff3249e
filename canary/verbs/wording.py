"""Numbers and instants as people read them on a terminal."""

import datetime

from canary.errors import RolloutError


def percent(basis_points: int) -> str:
    """`12.5 %`"""
    return f"{basis_points / 100:g} %"


def plural(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def told(error: RolloutError, override: str) -> str:
    """Return the sentence, and how to make the change all the same; `override` as the reader writes the option."""
    return f"{error.sentence} `{override}` skips this, and is recorded." if error.override else error.sentence


def instant(at: datetime.datetime | None) -> str:
    """In UTC, to the second."""
    return f"{at.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC" if at else "never"


def one_line(text: str) -> str:
    """Without what would break a line or move the cursor, and with bytes that are no text written as escapes."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return printable.encode(errors="backslashreplace").decode()
