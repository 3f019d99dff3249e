"""Dates and times as people write them: what is taken, and what is refused."""

import datetime

import pytest

from canary.core.instants import parse_date, parse_instant
from canary.core.lifecycle import iso

END = int(datetime.datetime(2027, 6, 1, tzinfo=datetime.UTC).timestamp())
UNSTORABLE = ["2027-06-01T00:00\0", "2027-06-01\x0000:00", "2027-06-01\ud80000:00", "2027-06-01\u202e00:00"]
"""Python takes any character before the hour, and a NUL at the end."""


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2027-06-01", END),
        ("2027-06-01T00:00:00Z", END),
        ("2027-06-01T02:00+02:00", END),
        ("2027-06-01 00:00", END),
    ],
)
def test_instants_are_iso_8601_and_utc_unless_they_say_otherwise(text: str, at: int) -> None:
    assert parse_instant(text) == at
    assert iso(at) == "2027-06-01T00:00:00Z"
    assert datetime.datetime.fromisoformat(iso(at)).timestamp() == at


@pytest.mark.parametrize(
    "text", ["", "soon", "01.06.2027", "2027-13-01", "@1796083200", "0001-01-01T00:00:00+23:59", *UNSTORABLE]
)
def test_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="allowed is ISO 8601"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["1999-12-31", "3000-01-01", "9999-12-31T23:59-12:00", "0001-01-01", *UNSTORABLE])
def test_a_date_of_a_calendar_is_in_plain_characters_and_in_its_years(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|years|isoformat"):
        parse_date(text)


@pytest.mark.parametrize("text", ["2000-01-01T00:00+14:00", "2999-12-31T23:59-12:00", "2026-12-08 10:00"])
def test_every_date_of_a_calendar_is_an_instant_in_utc(text: str) -> None:
    at = parse_date(text)
    assert (at if at.tzinfo else at.replace(tzinfo=datetime.UTC)).astimezone(datetime.UTC).minute == at.minute
