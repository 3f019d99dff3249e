"""The page's charts, and their figures as tables for everyone who doesn't look at pictures."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from canary.core.statistics.bets import THRESHOLD
from canary.core.statistics.comparison import LIMITS
from canary.core.statistics.sample_ratio import BROKEN
from canary.core.values import CANDIDATE, STABLE, VERSIONS
from canary.core.wording import strength
from canary.pages.charts import (
    Chart,
    Mark,
    Point,
    Scale,
    Tick,
    decades,
    line,
    marks_of,
    round_top,
    stairs,
    thinned,
    time_ticks,
)
from canary.pages.figures import short
from canary.recording.aggregation import Step, summed
from canary.state.store import current_snapshot

LINES: Final = (
    ("overall", gettext_noop("Harm: the strongest test")),
    ("error", gettext_noop("Errors")),
    ("latency", gettext_noop("Latency")),
    ("client_error", gettext_noop("Refused requests")),
    ("safe", gettext_noop("Safe enough to promote")),
)
LABELS: Final = {
    **dict(LINES),
    "sample_ratio": gettext_noop("Measuring broken"),
    "guard": gettext_noop("Guard within v1"),
    "safe_ratio": gettext_noop("Not twice as likely"),
    "pair_error": gettext_noop("Errors of pairs"),
    "pair_time": gettext_noop("Times of pairs"),
}
FLOOR: Final = 0.0025
ROWS_MAX: Final = 20
SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)

type Logs = Mapping[str, float]


def evidence_chart(points: Sequence[tuple[datetime, Logs]]) -> Chart | None:
    """Return each test's evidence as a share of its own limit: logarithmic, with the limit in sight."""
    if not points:
        return None
    shown = thinned(points)
    ends = (points[0][0], points[-1][0])
    shares = {name: _shares_of_limit(name, shown) for name, _label in LINES}
    scale = Scale(FLOOR, max(5.0, *(3 * share for line_ in shares.values() for _at, share in line_)), is_log=True)
    lines = [line(name, _(label), shares[name], ends, scale) for name, label in LINES]
    marks = [Tick(f"{scale.y(value):.1f}", _percent(value), "start") for value in decades(scale.low, scale.high)]
    rule = Tick(f"{scale.y(1):.1f}", _("limit"), "start", is_rule=True)
    return Chart([one for one in lines if one.path], time_ticks(ends), [*marks, rule])


def evidence_rows(points: Sequence[tuple[datetime, Logs]]) -> list[tuple[datetime, list[tuple[str, str]]]]:
    """Return rows, the latest first, each figure with its label."""
    shown = thinned(points, ROWS_MAX)[::-1]
    return [
        (at, [(_(label), strength(log_e[name]) if name in log_e else "–") for name, label in LINES])
        for at, log_e in shown
    ]


def evidence_now(log_e: Logs) -> list[dict[str, Any]]:
    """Return each test's evidence beside its limit."""
    return [
        {
            "name": name,
            "label": _(label),
            "e": strength(log_e[name]),
            "threshold": round(_limit_of(name)),
            "is_reached": log_e[name] >= math.log(_limit_of(name)),
        }
        for name, label in LABELS.items()
        if name in log_e
    ]


def share_chart(
    steps: Sequence[Step], weights: Sequence[tuple[datetime, int]], ends: tuple[datetime, datetime]
) -> Chart | None:
    if not steps:
        return None
    scale = Scale(0.0, 1.0)
    observed: list[Point] = [(step.at, share) for step in steps if (share := step.share_of_v2) is not None]
    configured = stairs([(at, weight_bp / 10_000) for at, weight_bp in weights], ends[1])
    lines = [
        line("configured", _("Weight"), configured, ends, scale),
        line("observed", _("Share of requests that v2 answered"), thinned(observed), ends, scale),
    ]
    down = [Tick(f"{scale.y(share):.1f}", f"{100 * share:g} %", "start") for share in SHARES]
    return Chart([one for one in lines if one.path], time_ticks(ends), down)


def share_rows(steps: Sequence[Step]) -> list[tuple[datetime, list[str]]]:
    """Return rows, the latest first: requests of both versions, and the share of v2."""
    return [
        (
            step.at,
            [f"{step.requests[STABLE]:,}", f"{step.requests[CANDIDATE]:,}", f"{100 * (step.share_of_v2 or 0):.1f} %"],
        )
        for step in summed(steps, ROWS_MAX)[::-1]
    ]


def course_charts(
    steps: Sequence[Step], tells: Sequence[tuple[datetime, str]], ends: tuple[datetime, datetime]
) -> list[tuple[str, Chart]]:
    """Return charts of errors and latency of both versions over time, each with its title; none without requests."""
    if not steps:
        return []
    marks = marks_of(tells, ends)
    errors = {version: _course(steps, version, _error_percent) for version in VERSIONS}
    latency = {version: _course(steps, version, lambda step, of: step.mean_ms(of)) for version in VERSIONS}
    return [
        (_("Failed answers"), _course_chart(errors, ends, marks, "%", (1.0, 100.0))),
        (_("Mean latency"), _course_chart(latency, ends, marks, "ms", (10.0, math.inf))),
    ]


def course_rows(steps: Sequence[Step]) -> list[tuple[datetime, list[tuple[str, str, str]]]]:
    """Return rows, the latest first: name of the figure, and its values for v1 and for v2."""
    return [
        (
            step.at,
            [
                (
                    _("Failed"),
                    _figure(_error_percent(step, STABLE), "%"),
                    _figure(_error_percent(step, CANDIDATE), "%"),
                ),
                (_("Mean latency"), _figure(step.mean_ms(STABLE), "ms"), _figure(step.mean_ms(CANDIDATE), "ms")),
            ],
        )
        for step in summed(steps, ROWS_MAX)[::-1]
    ]


def _course(
    steps: Sequence[Step], version: int, value_of: Callable[[Step, int], float | None]
) -> list[tuple[datetime, float]]:
    return [(step.at, value) for step in thinned(steps) if (value := value_of(step, version)) is not None]


def _course_chart(
    values: Mapping[int, list[Point]],
    ends: tuple[datetime, datetime],
    marks: list[Mark],
    unit: str,
    bounds: tuple[float, float],
) -> Chart:
    """Return a chart. `bounds` are the least and the most that the scale ends with."""
    least, most = bounds
    top = min(most, round_top(max([least, *(1.05 * value for points in values.values() for _at, value in points)])))
    scale = Scale(0.0, top)
    names = current_snapshot().names
    lines = [line(f"v{version}", f"v{names.of(version)}", points, ends, scale) for version, points in values.items()]
    shown, divisor = ("s", 1_000) if unit == "ms" and top > 1_000 else (unit, 1)
    down = [Tick(f"{scale.y(value):.1f}", f"{value / divisor:g} {shown}", "start") for value in (0.0, top / 2, top)]
    return Chart([one for one in lines if one.path], time_ticks(ends), down, marks)


def _error_percent(step: Step, version: int) -> float | None:
    requests = step.requests[version]
    return 100 * step.errors[version] / requests if requests else None


def _figure(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{short(value)} {unit}"


def _limit_of(name: str) -> float:
    """Return the evidence at which a test has its effect."""
    return LIMITS.get(name, BROKEN if name == "sample_ratio" else THRESHOLD)


def _shares_of_limit(name: str, points: Sequence[tuple[datetime, Logs]]) -> list[Point]:
    log_limit = math.log(_limit_of(name))
    return [(at, math.exp(min(log_e[name] - log_limit, 600.0))) for at, log_e in points if name in log_e]


def _percent(value: float) -> str:
    return f"{100 * value:g} %" if value < 1_000 else f"10^{round(math.log10(value)) + 2} %"
