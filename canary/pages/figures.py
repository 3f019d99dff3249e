"""Observations of both versions, as rows of a table and as marks on a scale."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from canary.core.histograms import Quantile
from canary.core.values import CANDIDATE, STABLE
from canary.pages.charts import Tick, percent
from canary.recording.aggregation import LiveShare, RouteTotals, Totals
from canary.state.store import current_snapshot

NONE: Final = "–"
QUANTILES: Final = ("p50", "p95", "p99")
DECADES_MAX: Final = 5
WIDEST: Final = 1_000
"""An interval that ends at more times its value says nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both versions; `hint` says what is counted."""

    label: str
    v1: str
    v2: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A value with its interval, across in percent."""

    api_version: int
    label: str
    at: str
    low: str
    high: str
    text: str


@dataclass(frozen=True, slots=True)
class ShareBar:
    """The observed share of v2 on a scale from nobody to everybody; all across in percent, and in words."""

    at: str
    low: str
    high: str
    width: str
    configured: str
    text: str
    band: str


def _sensible(found: Quantile | None) -> Quantile | None:
    """Return the quantile without an interval that says nothing."""
    is_wide = found is not None and found.high_ms is not None and found.high_ms > WIDEST * found.value_ms
    return found._replace(low_ms=None, high_ms=None) if found is not None and is_wide else found


def rows_of(totals: Mapping[int, Totals]) -> list[Row]:
    v1, v2 = totals[STABLE], totals[CANDIDATE]
    rows = [
        Row(_("Requests"), f"{v1.requests:,}", f"{v2.requests:,}"),
        Row(_("Identities"), f"{v1.users:,}", f"{v2.users:,}", _("first seen in this time")),
        Row(_("Errors"), _errors(v1), _errors(v2), _("answers of 500 and above")),
        Row(
            _("Refused requests"),
            f"{v1.client_errors:,}",
            f"{v2.client_errors:,}",
            "400, 406, 409, 412, 413, 415, 422, 428",
        ),
    ]
    for name in QUANTILES:
        of_v1, of_v2 = (_quantile(_sensible(getattr(totals, name))) for totals in (v1, v2))
        rows += [Row(_("Latency %(name)s") % {"name": name}, of_v1, of_v2, _("95 %% interval") % {})]
    return [*rows, Row(_("SQL statements a request"), _statements(v1), _statements(v2), _("mean, and the most in one"))]


def marks_of(totals: Mapping[int, Totals]) -> tuple[list[Mark], list[Tick]]:
    """Return the quantiles on a logarithmic scale of milliseconds, both versions of one below each other."""
    found = [
        (name, version, _sensible(getattr(totals[version], name)))
        for name in QUANTILES
        for version in (STABLE, CANDIDATE)
    ]
    known = [(name, version, quantile) for name, version, quantile in found if quantile is not None]
    if not known:
        return [], []
    names = current_snapshot().names
    values = [value for _name, _version, quantile in known for value in quantile if value is not None]
    low, high = 10 ** math.floor(math.log10(max(min(values), 0.1))), 10 ** math.ceil(math.log10(max(values) * 1.01))
    scale = _Logarithmic(low, high)
    marks = [
        Mark(
            version,
            f"{name} v{names.of(version)}",
            scale.at(value),
            scale.at(lower or value),
            scale.at(upper or value),
            _quantile(q),
        )
        for name, version, q in known
        for value, lower, upper in (q,)
    ]
    return marks, [_tick(scale, value, low, high) for value in _round_values(low, high)]


def share_bar(live: LiveShare) -> ShareBar | None:
    if live.share is None:
        return None
    return ShareBar(
        at=percent(live.share),
        low=percent(live.band.low),
        high=percent(live.band.high),
        width=percent(max(live.band.high - live.band.low, 0.004)),
        configured=percent(live.weight_bp / 10_000),
        text=_share(live.share),
        band=_span(_share(live.band.low), _share(live.band.high)),
    )


def route_rows(routes: list[RouteTotals], evidence: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each route with both versions' figures, and whether the evidence holds it for harmed."""
    harmed = {one["route"] for one in evidence if one["is_harmed"]}
    return [{"route": one.route, "is_harmed": one.route in harmed, "cells": _cells(one)} for one in routes]


def _cells(one: RouteTotals) -> list[tuple[str, str, str]]:
    """Name of the figure, and what it is of v1 and of v2."""

    def share(parts: Mapping[int, int], version: int) -> str:
        whole = one.requests[version]
        return f"{100 * parts[version] / whole:.2f} %" if whole else NONE

    figures: tuple[tuple[str, Callable[[int], str]], ...] = (
        (_("Requests"), lambda version: f"{one.requests[version]:,}"),
        (_("Errors"), lambda version: share(one.errors, version)),
        (_("Refused"), lambda version: share(one.client_errors, version)),
        (_("Mean latency"), lambda version: _ms(one.mean_ms[version])),
        (_("SQL a request"), lambda version: _mean(one.sql_mean[version])),
    )
    return [(name, told(STABLE), told(CANDIDATE)) for name, told in figures]


def _share(part: float) -> str:
    return f"{100 * part:.3g} %"


def _mean(value: float | None) -> str:
    return NONE if value is None else f"{value:.1f}"


def _errors(totals: Totals) -> str:
    return NONE if totals.error_share is None else f"{100 * totals.error_share:.2f} % ({totals.errors:,})"


def _quantile(found: Quantile | None) -> str:
    if found is None:
        return NONE
    value = f"{short(found.value_ms)} ms"
    if found.low_ms is None or found.high_ms is None:
        return value
    return f"{value} ({_span(short(found.low_ms), short(found.high_ms))})"


def short(number: float) -> str:
    """Return three digits, and all of a number of more: no reader counts powers of ten."""
    return f"{number:,.0f}" if number >= 999.5 else f"{number:.3g}"


def _span(low: str, high: str) -> str:
    return _("%(low)s to %(high)s") % {"low": low, "high": high}


def _statements(totals: Totals) -> str:
    return NONE if totals.sql_mean is None else f"{totals.sql_mean:.1f} ({totals.sql_max})"


def _ms(value: float | None) -> str:
    return NONE if value is None else f"{short(value)} ms"


class _Logarithmic:
    def __init__(self, low: float, high: float) -> None:
        self._low, self._whole = math.log10(low), math.log10(high) - math.log10(low)

    def at(self, value: float) -> str:
        return percent(min(1.0, max(0.0, (math.log10(max(value, 1e-9)) - self._low) / self._whole)))


def _round_values(low: float, high: float) -> list[float]:
    """Return powers of ten and values between, at least a fifth of the width apart, as labels need on a phone."""
    first, last = round(math.log10(low)), round(math.log10(high))
    step = math.ceil((last - first) / DECADES_MAX)
    factors = {1: (1, 2, 5), 2: (1, 3)}.get(last - first, (1,))
    powers = range(first, last - step + 1, step)
    return [*(factor * 10.0**power for power in powers for factor in factors), 10.0**last]


def _tick(scale: _Logarithmic, value: float, low: float, high: float) -> Tick:
    anchor = "start" if value <= low * 1.01 else "end" if value >= high * 0.99 else "middle"
    return Tick(scale.at(value), f"{value:g} ms" if value < 1_000 else f"{value / 1_000:g} s", anchor)
