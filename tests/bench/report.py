"""The results as one HTML file that needs nothing else: tables, and plots drawn as SVG."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from tests.bench.tables import ENDPOINTS, number, ratios_table, rows_table, side

WIDTH: Final = 640
ROW: Final = 24
LABEL: Final = 92
VALUE: Final = 64
COLOURS: Final = {
    "v2 warm": "#1f6f5c",
    "v2 cold": "#4fa88f",
    "v2": "#1f6f5c",
    "v1": "#c07a2c",
    "plain DRF": "#7b6fa6",
    "empty view": "#8a9097",
}
STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2429; --soft: #5c666e; --line: #d9dee2; --page: #fff;
  --bad: #b3261e; --good: #1f6f5c }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8eb; --soft: #9aa5ad; --line: #39424a; --page: #14191d; --bad: #ff8a80; --good: #7fd1b9 }
}
body { margin: 0 auto; padding: 1rem; max-width: 62rem; font: 16px/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--page) }
h1 { font-size: 1.5rem; margin: .5rem 0 } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
h3 { font-size: 1rem; margin: 1rem 0 .25rem }
p { max-width: 46rem } .soft { color: var(--soft) }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: .5rem 2rem }
svg { width: 100%; max-width: 30rem; height: auto; display: block }
svg text { font: 14px system-ui, sans-serif; fill: var(--ink) }
svg .end { fill: var(--soft) } svg line { stroke: var(--soft); stroke-dasharray: 3 3 }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
th:first-child, td:first-child, .rows :is(th, td):nth-child(2) { text-align: left }
.MISSED { color: var(--bad); font-weight: 700 } .ok { color: var(--good) }
@media (max-width: 34rem) {
  th, td { padding: .3rem .35rem; font-size: .8125rem } td:first-child { white-space: normal; min-width: 7rem }
}
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0 } dt { color: var(--soft) }
dd { margin: 0 }
"""


def write_html(report: Mapping[str, Any], path: Path) -> None:
    path.write_text(html(report))


def html(report: Mapping[str, Any]) -> str:
    run, missed = report["run"], [name for name, ratio in report["ratios"].items() if not ratio["ok"]]
    bounded = sum(bool(ratio["bound"]) for ratio in report["ratios"].values())
    summary = f"{bounded - len(missed)} of {bounded} targets are kept."
    if missed:
        summary += f" Missed: {', '.join(missed)}."
    parts = [
        "<h1>Tandem, measured</h1>",
        f"<p>{escape(summary)}</p>",
        f"<p class=soft>{run['posts']:,} posts; medians of {run['rounds']} interleaved rounds of {run['seconds']:g} s for each"
        " server and endpoint. One server process on one core; client, PostgreSQL and Redis on another; 8 connections (register"
        " and log in: 1). Ratios are taken inside the rounds.</p>",
        "<h2>The machine</h2>",
        _definitions(report["machine"]),
        "<h2>Targets</h2>",
        _table(ratios_table(report), "targets"),
        "<h2>Requests a second</h2>",
        _plots(report["rows"], "requests_per_s", ""),
        "<h2>CPU of the server, ms a request</h2>",
        _plots(report["rows"], "cpu_ms", " ms"),
        "<h2>Latency with one connection, p50</h2>",
        _plots(report["unloaded"], "p50_ms", " ms"),
        "<h2>v2's reads at 80 % of saturation, p99</h2>",
        "<p class=soft>Requests come at the instants of a Poisson process, whether or not the server keeps up.</p>",
        _plots(report["at_80_percent"], "p99_ms", " ms"),
        "<h2>Memory of a worker</h2>",
        _bars(
            [
                (name.replace("drf", "plain DRF").replace("empty", "empty view"), size)
                for name, size in report["memory_mb"].items()
            ],
            " MB",
        ),
        "<h2>All figures</h2>",
        _table(rows_table(report), "rows"),
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Tandem, measured</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


def _definitions(words: Mapping[str, str]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in words.items()) + "</dl>"


def _table(table: Sequence[Sequence[str]], name: str) -> str:
    head, *rows = table
    lines = "".join(
        "<tr>"
        + "".join(
            f"<td class={cell}>{cell}</td>" if cell in ("ok", "MISSED") else f"<td>{escape(cell)}</td>" for cell in row
        )
        + "</tr>"
        for row in rows
    )
    headings = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return (
        f'<div class="wide"><table class={name}><thead><tr>{headings}</tr></thead><tbody>{lines}</tbody></table></div>'
    )


def _plots(rows: Sequence[Mapping[str, Any]], figure: str, unit: str) -> str:
    """One for each endpoint, for they have scales of their own."""
    endpoints = [*dict.fromkeys(row["endpoint"] for row in rows)]
    plots = []
    for endpoint in endpoints:
        bars = [(side(row), float(row[figure])) for row in rows if row["endpoint"] == endpoint]
        plots.append(f"<section><h3>{escape(ENDPOINTS[endpoint].capitalize())}</h3>{_bars(bars, unit)}</section>")
    return f'<div class="plots">{"".join(plots)}</div>'


def _bars(bars: Sequence[tuple[str, float]], unit: str) -> str:
    """Horizontal ones from nought, each with its name before and its value behind it."""
    width, height = WIDTH * 2 // 3, ROW * len(bars)
    longest = max((value for _, value in bars), default=0) or 1
    drawn = []
    for place, (name, value) in enumerate(bars):
        top, length = place * ROW, max(1.0, value / longest * (width - LABEL - VALUE - 16))
        colour = COLOURS.get(name, "#8a9097")
        drawn.append(
            f'<text x="0" y="{top + 16}">{escape(name)}</text>'
            f'<rect x="{LABEL}" y="{top + 4}" width="{length:.1f}" height="{ROW - 8}" rx="2" fill="{colour}"/>'
            f'<text class="end" x="{LABEL + length + 6:.1f}" y="{top + 16}">{number(value)}{unit}</text>'
        )
    told = "; ".join(f"{name}: {number(value)}{unit}" for name, value in bars)
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(told)}">{"".join(drawn)}</svg>'
