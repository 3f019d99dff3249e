"""Charts as positions: templates make SVG of them. Across in percent, so that they fit any width, down in pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from django.utils.dateformat import format as date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

HEIGHT: Final = 200
"""The height of the area with the lines, in pixels."""
SPAN: Final = 1_000
"""Units across in which paths are written; they are stretched to the width there is."""
POINTS_MAX: Final = 150
TIME_TICKS: Final = 4
MARK_ROOM: Final = 0.06
"""The share of the width that a letter needs."""
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DAY_S: Final = 24 * 3600

type Point = tuple[datetime, float]


@dataclass(frozen=True, slots=True)
class Tick:
    at: str
    """Across: `12.5%`; down: pixels."""
    text: str
    anchor: str = "middle"
    is_rule: bool = False
    """A threshold, drawn stronger than the grid."""


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    label: str
    path: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened: a letter above a chart, explained below it."""

    at: str
    letter: str
    tells: list[tuple[datetime, str]]


@dataclass(frozen=True, slots=True)
class Chart:
    lines: list[Line]
    across: list[Tick]
    down: list[Tick]
    marks: Sequence[Mark] = ()
    height: int = HEIGHT
    span: int = SPAN


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a value stands down the area: values beyond the ends stand at the ends."""

    low: float
    high: float
    is_log: bool = False

    def y(self, value: float) -> float:
        low, high, at = (self._on(one) for one in (self.low, self.high, min(max(value, self.low), self.high)))
        return HEIGHT * (1 - (at - low) / (high - low))

    def _on(self, value: float) -> float:
        return math.log10(value) if self.is_log else value


def thinned[Item](items: Sequence[Item], most: int = POINTS_MAX) -> list[Item]:
    """Return at most `most` of the points, evenly chosen, with the first and the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


def line(name: str, label: str, points: Sequence[Point], ends: tuple[datetime, datetime], scale: Scale) -> Line:
    corners = [f"{SPAN * part_of(at, ends):.1f} {scale.y(value):.1f}" for at, value in points]
    if len(corners) == 1:  # a path of one point isn't visible; round ends make it a dot
        corners *= 2
    return Line(name, label, f"M{'L'.join(corners)}" if corners else "")


def stairs(points: Sequence[Point], end: datetime) -> list[Point]:
    """Return points of a line in which each value stays until the next one."""
    corners: list[Point] = []
    for at, value in points:
        if corners:
            corners.append((at, corners[-1][1]))
        corners.append((at, value))
    return [*corners, (end, corners[-1][1])] if corners else []


def part_of(at: datetime, ends: tuple[datetime, datetime]) -> float:
    """Return the place between both ends: 0 at the first, 1 at the other; a value beyond stands at an end."""
    first, last = ends
    whole = (last - first).total_seconds()
    return min(1.0, max(0.0, (at - first).total_seconds() / whole)) if whole > 0 else 1.0


def time_ticks(ends: tuple[datetime, datetime]) -> list[Tick]:
    """Return evenly placed instants, in UTC; with the day where the time is longer than one."""
    first, last = (end.astimezone(UTC) for end in ends)
    step = (last - first) / TIME_TICKS
    whole_s = (last - first).total_seconds()
    wording = pgettext("format of a time", "d M H:i") if whole_s > DAY_S else "H:i:s" if whole_s < 600 else "H:i"
    anchors = ["start", *["middle"] * (TIME_TICKS - 1), "end"]
    return [
        Tick(percent(place / TIME_TICKS), date_format(first + place * step, wording), anchor)
        for place, anchor in enumerate(anchors)
    ]


def marks_of(tells: Sequence[tuple[datetime, str]], ends: tuple[datetime, datetime]) -> list[Mark]:
    """Return the oldest first; what happened so close together that letters would touch shares one."""
    marks: list[Mark] = []
    placed = -MARK_ROOM
    for at, text in sorted(tells):
        place = part_of(at, ends)
        if place - placed < MARK_ROOM:
            marks[-1].tells.append((at, text))
            continue
        marks.append(Mark(percent(place), LETTERS[len(marks)], [(at, text)]))
        placed = place
    return [replace(mark, tells=_by_minute(_counted(mark.tells))) for mark in marks]


def _counted(tells: list[tuple[datetime, str]]) -> list[tuple[datetime, str]]:
    """Name once, with the first time, what was done several times running."""
    runs = [list(run) for _, run in groupby(tells, key=lambda tell: tell[1])]
    return [(run[0][0], run[0][1] if len(run) == 1 else _times(run[0][1], len(run))) for run in runs]


def _by_minute(tells: list[tuple[datetime, str]]) -> list[tuple[datetime, str]]:
    """Name a minute once, with all that was done in it: a page shows no seconds here."""
    minutes = [list(minute) for _, minute in groupby(tells, key=lambda tell: tell[0].replace(second=0, microsecond=0))]
    return [(minute[0][0], ", ".join(text for _at, text in minute)) for minute in minutes]


def _times(text: str, count: int) -> str:
    return _("%(what)s (%(count)d times)") % {"what": text, "count": count}


def round_top(value: float) -> float:
    """Return 1, 2, 3, 5 or 8 times a power of ten: the least that holds the value."""
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(factor * power for factor in (1, 2, 3, 5, 8, 10) if factor * power >= value * 0.999)


def decades(low: float, high: float, most: int = 6) -> list[float]:
    """Return powers of ten between both, both included, so few that their labels don't touch."""
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    step = max(1, math.ceil((last - first + 1) / most))
    return [10.0**power for power in range(first, last + 1) if power % step == 0]


def percent(part: float) -> str:
    return f"{100 * part:.2f}%"
