"""Numbers and instants as people read them on a terminal."""

import datetime

from canary.errors import RolloutError


def percent(basis_points: int) -> str:
    """Return a share as `12.5 %`."""
    return f"{basis_points / 100:g} %"


def plural(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def told(error: RolloutError, override: str) -> str:
    """Return the sentence, and how to make the change all the same; `override` as the reader writes the option."""
    return f"{error.sentence} `{override}` skips this, and is recorded." if error.override else error.sentence


def instant(at: datetime.datetime | None) -> str:
    """Return the instant in UTC, to the second."""
    return f"{at.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC" if at else "never"


def one_line(text: str) -> str:
    """Return text without line breaks or cursor moves; bytes that are not text become escapes."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return printable.encode(errors="backslashreplace").decode()
