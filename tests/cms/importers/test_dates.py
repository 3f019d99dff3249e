"""Reading dates as blogs write them."""

import pytest

from cms.importers.dates import UnreadableDate, parse_instant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2014-03-12T10:11:00-04:00", "2014-03-12T14:11:00+00:00"),
        ("2015-02-03 09:30:00 -5", "2015-02-03T14:30:00+00:00"),
        ("2016-01-02", "2016-01-02T00:00:00+00:00"),
        ("2020-01-02T03:04:05.678Z", "2020-01-02T03:04:05.678000+00:00"),
        ("2020-01-02 03:04 +0530", "2020-01-01T21:34:00+00:00"),
        ("2020/1/2", "2020-01-02T00:00:00+00:00"),
        ("March 12, 2014", "2014-03-12T00:00:00+00:00"),
        ("Tue, 27 Jan 2015 14:56:57 +0000", "2015-01-27T14:56:57+00:00"),
        ("Tue, 27 Jan 2015 14:56:57 EST", "2015-01-27T19:56:57+00:00"),
    ],
)
def test_a_date_is_read_as_an_instant_in_utc(text: str, expected: str) -> None:
    assert parse_instant(text).isoformat() == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2015-02-31",
        "0001-01-01T00:00:00Z",
        "9999-12-31",
        "2020-01-02 25:00",
        "2020-01-02 03:04 +99",
        "20200101",
    ],
)
def test_what_is_no_date_or_an_absurd_one_is_refused(text: str) -> None:
    with pytest.raises(UnreadableDate):
        parse_instant(text)
