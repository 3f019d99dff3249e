"""The calendar of steps up: their dates, and freezes in which there is none. Pure: zones and the time come in."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any, Final, NamedTuple

from canary.core.instants import FIRST_YEAR, LAST_YEAR, LATEST, parse_date, stored_date
from canary.core.judgements import Judgement, Stage
from canary.core.wording import percent

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_MIN: Final = 24 * 60
WEEK_MIN: Final = 7 * DAY_MIN
FREEZES_MAX: Final = 50
"""In the settings, and in a plan. Each question about the calendar looks at all of them."""
MOST_AT_ONCE: Final = 1_000
"""Freezes that follow each other without a gap. Those that cover every week have no end."""
LOOKS_MAX: Final = 10_000
"""At a freeze, for one question: some 0.1 s. Enough for 100 freezes, each of which follows another."""
TIME: Final = rf"({'|'.join(DAYS)}) ([01]\d|2[0-3]):([0-5]\d)"
WEEKLY: Final = re.compile(f"{TIME}/{TIME}", re.ASCII)
BY_DATE: Final = "the date of the plan"


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time without a step up: every week from one minute of the week to another, or once between two dates."""

    text: str
    week: tuple[int, int] | None = None
    dates: tuple[datetime, datetime] | None = None
    """Without a zone they are in that of the calendar."""

    def end_after(self, at: float, zone: tzinfo) -> float | None:
        """Return when the freeze in force at `at` ends, both in unix seconds; None when none is in force."""
        return max((end for begin, end in self._near(at, zone) if begin <= at < end), default=None)

    def _near(self, at: float, zone: tzinfo) -> Iterator[tuple[float, float]]:
        """Yield begin and end of each time near `at`, in unix seconds.

        A time on the wall that the clocks skip or show twice is taken so that the freeze lasts longer. So there is no
        step whenever the clock on the wall shows a time in a freeze.
        """
        for first, last in self._on_the_wall(at, zone):
            yield min(_readings(first, zone)), max(_readings(last, zone))

    def _on_the_wall(self, at: float, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
        if self.dates is not None:
            yield self.dates
            return
        assert self.week is not None
        first, last = self.week
        today = datetime.fromtimestamp(at, zone).replace(tzinfo=None, fold=0, hour=0, minute=0, second=0, microsecond=0)
        for weeks in (-1, 0, 1):
            begin = today + timedelta(weeks=weeks, days=-today.weekday(), minutes=first)
            yield begin, begin + timedelta(minutes=(last - first) % WEEK_MIN)


class Window(NamedTuple):
    """A freeze in its zone."""

    freeze: Freeze
    zone: tzinfo


class Opening(NamedTuple):
    """The next moment, in unix seconds, at which the calendar lets a step up, and why not before."""

    at: float
    why: str
    zone: tzinfo = UTC
    is_unreadable: bool = False

    @property
    def sentence(self) -> str:
        return f"no step up before {instant(self.at, self.zone)} ({self.why})"


@dataclass(frozen=True, slots=True)
class Schedule:
    """The calendar of one plan. `steps_at` has a moment in ISO 8601, or None, for each step."""

    steps_at: tuple[str | None, ...] = ()
    freezes: tuple[str, ...] = ()
    time_zone: str = ""

    def in_plan(self) -> dict[str, Any]:
        """Return the members of a plan that has a calendar."""
        members = {"steps_at": [*self.steps_at], "freezes": [*self.freezes], "time_zone": self.time_zone}
        return {name: value for name, value in members.items() if value}

    def begins_at(self, now: datetime) -> datetime | None:
        """Return when the first step is taken, None for at once."""
        first = datetime.fromisoformat(self.steps_at[0]) if self.steps_at and self.steps_at[0] else now
        return first if first > now else None

    def fault(self, steps: int) -> str | None:
        """Return as a sentence what is wrong with it for so many steps; None when nothing is."""
        if self.steps_at and len(self.steps_at) != steps:
            return f"A plan of {steps} steps has {steps} dates, or {steps - 1} if it begins at once."
        known = [datetime.fromisoformat(at) for at in self.steps_at if at]
        if any(at >= following for at, following in pairwise(known)):
            return "The dates of a plan's steps follow each other."
        return None


def parse_freeze(text: str, read: Callable[[str], datetime] = parse_date) -> Freeze:
    """Parse `Fri 12:00/Mon 08:00` or `2026-12-23/2027-01-02T08:00`. Raises ValueError with a sentence."""
    words = text.strip()
    if found := WEEKLY.fullmatch(words):
        first, last = (_minute_of_week(*found.groups()[place : place + 3]) for place in (0, 3))
        if first != last:
            return Freeze(words, week=(first, last))
    begin, slash, end = words.partition("/")
    try:
        dates = read(begin), read(end)
        if slash and dates[0] < dates[1]:
            return Freeze(words, dates=dates)
    except (ValueError, TypeError):
        pass
    raise ValueError(
        f"{text!r} is not a freeze: use Fri 12:00/Mon 08:00, or 2026-12-23/2027-01-02T08:00 with years from"
        f" {FIRST_YEAR} to {LAST_YEAR}."
    )


def parse_freezes(texts: Sequence[str]) -> tuple[Freeze, ...]:
    """Parse the freezes of the settings or of a plan. Raises ValueError with a sentence."""
    if len(texts) > FREEZES_MAX:
        raise ValueError(f"{len(texts)} freezes are too many: use at most {FREEZES_MAX}.")
    return tuple(map(parse_freeze, texts))


def stored_freeze(text: str) -> Freeze:
    """Parse a freeze of a stored plan: older versions took any year."""
    return parse_freeze(text, datetime.fromisoformat)


def next_opening(now: float, step_at: float | None, windows: Sequence[Window], zone: tzinfo = UTC) -> Opening | None:
    """Return when the calendar lets a step up that has a date or none; None for at once. It is LATEST at most."""
    latest = LATEST.timestamp()
    at, why, found = max(now, min(step_at or now, latest)), BY_DATE, zone
    for _ in range(min(MOST_AT_ONCE, 1 + LOOKS_MAX // (1 + len(windows)))):
        ends = [(end, window) for window in windows if (end := window.freeze.end_after(at, window.zone)) is not None]
        if not ends:
            break
        at, window = max(ends, key=lambda one: one[0])
        why, found = f"freeze {window.freeze.text}", window.zone
        if at >= latest:
            at = latest
            break
    return Opening(at, why, found) if at > now else None


def dated(judgement: Judgement, stage: Stage, opening: Opening | None, now: float, *, begins: bool) -> Judgement:
    """Return the verdict as far as the calendar lets it: a pass waits for the next opening, and nothing else does.

    `begins`: the plan waits for the date of its first step. That one needs no evidence, as `start` needs none.
    """
    where = percent(stage.weight_bp)
    is_first = begins and judgement.reason == "no_v2"
    if stage.next_bp is None or not (judgement.kind == "pass" or is_first):
        return judgement
    if opening is not None:
        return replace(
            judgement,
            kind="hold",
            reason="calendar",
            sentence=f"Hold at {where}: {opening.sentence}. All else passes.",
            eta_s=opening.at - now,
            numbers={**judgement.numbers, "opens_at": opening.at},
        )
    if is_first:
        sentence = f"Pass at {where}: the plan begins at its date. Next step: {percent(stage.next_bp)}."
        return replace(judgement, kind="pass", reason="begins", sentence=sentence)
    return judgement


def date_of_next_step(plan: dict[str, Any], weight_bp: int) -> float | None:
    """Return the date of a plan's first step above the weight, in unix seconds; None where it has none."""
    dates = plan.get("steps_at") or ()
    ahead = [at for step_bp, at in zip(plan["steps_bp"], dates, strict=False) if step_bp > weight_bp]
    return stored_date(ahead[0]).timestamp() if ahead and ahead[0] else None


def instant(at: float, zone: tzinfo) -> str:
    """Return a moment to the minute, with the offset of the zone."""
    return datetime.fromtimestamp(at, zone).isoformat(timespec="minutes")


def _readings(wall: datetime, zone: tzinfo) -> list[float]:
    """Return the instants that a time may mean: two for one that the clocks skip or show twice."""
    return [wall.replace(tzinfo=wall.tzinfo or zone, fold=fold).timestamp() for fold in (0, 1)]


def _minute_of_week(day: str, hour: str, minute: str) -> int:
    return DAYS.index(day) * DAY_MIN + int(hour) * 60 + int(minute)
