"""The calendar: freezes every week and once, across changes of the clocks, and dates of steps."""

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.calendar import (
    DAYS,
    FREEZES_MAX,
    LOOKS_MAX,
    Freeze,
    Opening,
    Schedule,
    Window,
    dated,
    next_opening,
    parse_freeze,
    parse_freezes,
    stored_freeze,
)
from canary.core.instants import LATEST
from canary.core.judgements import Judgement, Stage

BERLIN = ZoneInfo("Europe/Berlin")
WEEKEND = parse_freeze("Fri 12:00/Mon 08:00")
STAGE = Stage(1, 1_000, 0.0, 0.0, 5_000)


def at(text: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def opening_of(text: str, *freezes: str, step: str = "") -> str | None:
    windows = [Window(parse_freeze(one), BERLIN) for one in freezes]
    opening = next_opening(at(text), at(step) if step else None, windows, BERLIN)
    return opening and opening.sentence


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-27T11:59", None),
        ("2026-11-27T12:00", "2026-11-30T08:00+01:00"),
        ("2026-11-29T23:00", "2026-11-30T08:00+01:00"),
        ("2026-11-30T07:59", "2026-11-30T08:00+01:00"),
        ("2026-11-30T08:00", None),
        ("2026-12-02T12:00", None),
        ("2026-10-24T12:00", "2026-10-26T08:00+01:00"),  # the clocks go back in between
        ("2027-03-27T12:00", "2027-03-29T08:00+02:00"),
    ],
)
def test_no_step_between_friday_noon_and_monday_on_the_wall_s_clock(now: str, until: str | None) -> None:
    expected = until and f"no step up before {until} (freeze Fri 12:00/Mon 08:00)"
    assert opening_of(now, "Fri 12:00/Mon 08:00") == expected


@pytest.mark.parametrize(
    ("freeze", "now", "until"),
    [
        ("Mon 08:00/Fri 12:00", "2026-12-02T12:00", "2026-12-04T12:00+01:00"),
        ("Sun 23:00/Mon 01:00", "2026-11-30T00:30", "2026-11-30T01:00+01:00"),
        ("2026-12-23/2027-01-02T08:00", "2026-12-24T10:00", "2027-01-02T08:00+01:00"),
        ("2026-12-23T10:00+00:00/2026-12-23T12:00+00:00", "2026-12-23T12:30", "2026-12-23T13:00+01:00"),
    ],
)
def test_other_freezes(freeze: str, now: str, until: str) -> None:
    assert opening_of(now, freeze) == f"no step up before {until} (freeze {freeze})"


def test_freezes_that_follow_each_other_are_one() -> None:
    until = opening_of("2026-12-22T09:00", "2026-12-22/2026-12-25T13:00", "Fri 12:00/Mon 08:00")
    assert until == "no step up before 2026-12-28T08:00+01:00 (freeze Fri 12:00/Mon 08:00)"
    assert opening_of("2026-12-02T12:00", "Mon 00:00/Fri 00:00", "Thu 00:00/Mon 00:00") is not None


def test_a_date_is_waited_for_and_a_freeze_after_it_too() -> None:
    told = opening_of("2026-12-01T10:00", step="2026-12-03T10:00")
    assert told == "no step up before 2026-12-03T10:00+01:00 (the date of the plan)"
    told = opening_of("2026-12-01T10:00", "Fri 12:00/Mon 08:00", step="2026-12-04T14:00")
    assert told == "no step up before 2026-12-07T08:00+01:00 (freeze Fri 12:00/Mon 08:00)"
    assert opening_of("2026-12-03T10:00", step="2026-12-03T10:00") is None


@pytest.mark.parametrize(
    ("freeze", "now", "until"),
    [
        ("Sun 02:30/Mon 08:00", "2026-10-25T00:29+00:00", None),
        ("Sun 02:30/Mon 08:00", "2026-10-25T00:45+00:00", "2026-10-26T08:00+01:00"),
        ("Sun 02:30/Mon 08:00", "2026-10-25T01:10+00:00", "2026-10-26T08:00+01:00"),
        ("Sun 02:30/Mon 08:00", "2026-10-25T01:45+00:00", "2026-10-26T08:00+01:00"),
        ("Fri 12:00/Sun 02:30", "2026-10-25T00:45+00:00", "2026-10-25T02:30+01:00"),
        ("Fri 12:00/Sun 02:30", "2026-10-25T01:29+00:00", "2026-10-25T02:30+01:00"),
        ("Fri 12:00/Sun 02:30", "2026-10-25T01:30+00:00", None),
        ("2026-10-24/2026-10-25T02:30", "2026-10-25T00:45+00:00", "2026-10-25T02:30+01:00"),
        ("2026-10-24/2026-10-25T02:30", "2026-10-25T01:30+00:00", None),
        ("Fri 12:00/Sun 02:30", "2027-03-28T00:30+00:00", "2027-03-28T03:30+02:00"),
        ("Fri 12:00/Sun 02:30", "2027-03-28T01:15+00:00", "2027-03-28T03:30+02:00"),
        ("Fri 12:00/Sun 02:30", "2027-03-28T01:30+00:00", None),
        ("Sun 02:30/Sun 03:15", "2027-03-28T01:10+00:00", "2027-03-28T03:15+02:00"),
        ("2027-03-28T02:30/2027-03-28T03:15", "2027-03-28T01:10+00:00", "2027-03-28T03:15+02:00"),
    ],
)
def test_where_the_clocks_repeat_or_skip_an_hour_a_freeze_lasts_longer(
    freeze: str, now: str, until: str | None
) -> None:
    opening = next_opening(datetime.fromisoformat(now).timestamp(), None, [Window(parse_freeze(freeze), BERLIN)])
    assert (opening and opening.sentence) == (until and f"no step up before {until} (freeze {freeze})")


ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca")]
CHANGES = [
    datetime(2026, *day, tzinfo=UTC) + timedelta(hours=hour)
    for day, hour in (((3, 29), 1), ((10, 25), 1), ((3, 8), 7), ((11, 1), 6), ((4, 4), 15), ((10, 3), 16), ((2, 15), 2))
]
"""When the clocks of one of these zones change."""
NEAR = st.builds(
    lambda change, min_s: change.timestamp() + min_s * 60, st.sampled_from(CHANGES), st.integers(-600, 600)
)
MINUTES = st.one_of(st.integers(0, 10_079), st.integers(9 * 960, 10_079), st.integers(0, 300))


@given(st.sampled_from(ZONES), NEAR, MINUTES, MINUTES)
def test_near_a_change_of_the_clocks_no_step_is_taken_while_the_wall_shows_a_freeze(
    zone: ZoneInfo, now: float, first: int, last: int
) -> None:
    freeze = Freeze("x", week=(first, last))
    end, opening = freeze.end_after(now, zone), next_opening(now, None, [Window(freeze, zone)])
    wall = datetime.fromtimestamp(now, zone)
    since = (wall.weekday() * 1_440 + wall.hour * 60 + wall.minute - first) % 10_080
    if since < (last - first) % 10_080:
        assert end is not None
    if end is None:
        assert opening is None
        return
    assert end > now
    assert all(freeze.end_after(now + share * (end - now), zone) is not None for share in (0.0, 0.25, 0.5, 0.99))
    assert opening is not None
    assert opening.at >= end
    assert freeze.end_after(opening.at, zone) is None
    day = timedelta(days=1)
    is_even = wall.utcoffset() == (wall - day).utcoffset() == (wall + day).utcoffset()
    assert not is_even or since < (last - first) % 10_080


@given(st.sampled_from(ZONES), NEAR, st.integers(-300, 300), st.integers(1, 300))
def test_near_a_change_of_the_clocks_a_freeze_by_dates_is_one_time_too(
    zone: ZoneInfo, now: float, offset_min: int, length_min: int
) -> None:
    wall = datetime.fromtimestamp(now, zone).replace(tzinfo=None, fold=0)
    first = wall + timedelta(minutes=offset_min)
    freeze = Freeze("x", dates=(first, first + timedelta(minutes=length_min)))
    frozen = [at for at in range(int(now) - 90_000, int(now) + 90_000, 300) if freeze.end_after(at, zone) is not None]
    assert frozen == [*range(frozen[0], frozen[-1] + 300, 300)] if frozen else length_min < 5
    assert len({freeze.end_after(at, zone) for at in frozen}) <= 1
    if 0 <= -offset_min < length_min:
        assert freeze.end_after(now, zone) is not None


@given(st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)), st.integers(0, 10_079), st.integers(0, 10_079))
def test_the_end_of_a_week_s_freeze_is_never_in_it(moment: datetime, first: int, last: int) -> None:
    is_pause_of_a_change = 6 * 1_440 + 120 <= last < first < 6 * 1_440 + 180
    if first == last or is_pause_of_a_change:  # the pause lies in the hour that is repeated, and so has none
        return
    freeze = type(WEEKEND)("x", week=(first, last))
    now = moment.replace(tzinfo=BERLIN).timestamp()
    end = freeze.end_after(now, BERLIN)
    if end is not None:
        assert now < end <= now + timedelta(days=7, hours=1).total_seconds()
        assert freeze.end_after(end, BERLIN) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "weekends", "Fri 12:00", "Fri 12:00/Fri 12:00", "Fri 24:00/Mon 08:00"),
        *("2026-12-24/2026-12-23", "2026-12-24/x", "2026-12-23T10:00/2026-12-24T10:00+00:00"),
        *("2026-12-24/9999-12-31T23:59", "2026-12-24/3000-01-01", "1999-12-31/2026-12-24"),
    ],
)
def test_what_is_no_freeze(text: str) -> None:
    with pytest.raises(ValueError, match="is not a freeze: use Fri 12:00/Mon 08:00"):
        parse_freeze(text)


HOURS = [f"{day} {hour:02}:00/{day} {hour + 1:02}:00" for day in DAYS for hour in range(23)]


def test_a_plan_has_so_many_freezes_and_no_more() -> None:
    assert len(parse_freezes(HOURS[:FREEZES_MAX])) == FREEZES_MAX == 50
    with pytest.raises(ValueError, match=r"^51 freezes are too many: use at most 50\.$"):
        parse_freezes(HOURS[: FREEZES_MAX + 1])


def test_a_hundred_freezes_that_follow_each_other_are_one() -> None:
    begin = datetime(2026, 12, 1)
    days = [(begin + timedelta(days=day)).date().isoformat() for day in range(2 * FREEZES_MAX + 1)]
    windows = [Window(parse_freeze(f"{first}/{last}"), BERLIN) for first, last in pairwise(days)]
    opening = next_opening(at("2026-12-01T10:00"), None, windows, BERLIN)
    assert opening is not None
    assert opening.at == at(days[-1])


def test_thousands_of_stored_freezes_that_never_end_are_looked_at_so_often_and_no_more() -> None:
    looks = 0

    class Looked(Freeze):
        def end_after(self, at: float, zone: tzinfo) -> float | None:
            nonlocal looks
            looks += 1
            return super().end_after(at, zone)

    week = [Looked("x", week=(minute, (minute + 70) % 10_080)) for minute in range(0, 10_080, 60)]
    opening = next_opening(at("2026-12-02T12:00"), None, [Window(freeze, BERLIN) for freeze in week * 15], BERLIN)
    assert opening is not None
    assert len(week * 15) <= looks <= 2 * LOOKS_MAX


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize("weekly", [(), ("Fri 12:00/Mon 08:00",)])
@pytest.mark.parametrize("end", ["9999-12-31T23:59", "9999-12-31T23:59-12:00", "9999-12-31T23:59+14:00"])
def test_a_stored_freeze_without_an_end_is_told_with_the_last_year_of_a_calendar(
    zone: str, weekly: tuple[str, ...], end: str
) -> None:
    begin = "0001-01-01" + ("T00:00+14:00" if end[16:] else "")
    windows = [Window(stored_freeze(text), ZoneInfo(zone)) for text in (f"{begin}/{end}", *weekly)]
    now = at("2026-11-28T10:00")
    for step_at in (None, datetime(9999, 12, 31, tzinfo=UTC).timestamp()):
        opening = next_opening(now, step_at, windows, ZoneInfo(zone))
        assert opening is not None
        assert opening.at == LATEST.timestamp()
        assert opening.sentence.startswith("no step up before 300")


@pytest.mark.parametrize(
    ("dates", "fault"),
    [
        ((), None),
        ((None, "2026-12-01T00:00+00:00"), None),
        (("2026-12-01T00:00+00:00", "2026-12-02T00:00+00:00"), None),
        (("2026-12-01T00:00+00:00",) * 3, "A plan of 2 steps has 2 dates, or 1 if it begins at once."),
        (("2026-12-02T00:00+00:00", "2026-12-01T00:00+00:00"), "The dates of a plan's steps follow each other."),
    ],
)
def test_dates_fit_the_steps(dates: tuple[str | None, ...], fault: str | None) -> None:
    assert Schedule(dates).fault(2) == fault


def test_a_pass_waits_for_the_calendar_and_harm_does_not() -> None:
    opening = Opening(100.0, "the date of the plan", UTC)
    passing = Judgement("pass", "Pass.", {}, reason="safe")
    held = dated(passing, STAGE, opening, 40.0, begins=False)
    assert (held.kind, held.reason, held.eta_s) == ("hold", "calendar", 60.0)
    assert held.sentence == (
        "Hold at 10 %: no step up before 1970-01-01T00:01+00:00 (the date of the plan). All else passes."
    )
    harm = Judgement("harm", "Harm.", {}, reason="harm")
    assert dated(harm, STAGE, opening, 40.0, begins=False) is harm
    assert dated(passing, STAGE, None, 40.0, begins=False) is passing
