"""What a run found: rows, ratios against the targets, tables, and a chart of its own for each endpoint."""

import html
import json
import math
from pathlib import Path
from typing import Any, Final

from tests.measuring.tables import markdown
from tests.scale.measuring import Measured

BASE_SIZE: Final = 10_000
GROWTH_MAX: Final = 1.5
"""p50 at the largest size over that at 10,000 posts, of whatever an index answers."""
SEARCH_P95_MAX_MS: Final = 300
SEARCHES: Final = ("search", "suggest")
PANEL: Final = (220, 150)
COLUMNS: Final = 4
COLORS: Final = {"p50": "#1f5fa8", "p95": "#d08020"}

type Row = dict[str, Any]


def rows_of(measured: dict[tuple[str, int], Measured]) -> list[Row]:
    return [
        {
            "endpoint": endpoint,
            "posts": size,
            "p50_ms": one.p50_ms,
            "p95_ms": one.p95_ms,
            "server_cpu_ms": one.server_cpu_ms,
            "database_cpu_ms": one.database_cpu_ms,
            "requests": len(one.latencies_ms),
        }
        for (endpoint, size), one in measured.items()
    ]


def targets_of(rows: list[Row]) -> list[dict[str, Any]]:
    """What has to hold at the largest size. v1's numbered pages can't: they tell totals and pass over what comes before."""
    by_place = {(row["endpoint"], row["posts"]): row for row in rows}
    largest = max(row["posts"] for row in rows)
    targets = []
    for endpoint in dict.fromkeys(row["endpoint"] for row in rows):
        at_largest = by_place[endpoint, largest]
        if any(word in endpoint for word in SEARCHES):
            name, value, bound = f"{endpoint}, p95 in ms", at_largest["p95_ms"], float(SEARCH_P95_MAX_MS)
        elif (base := by_place.get((endpoint, BASE_SIZE))) and largest > BASE_SIZE:
            name, value, bound = (
                f"{endpoint}, p50 over that at 10,000",
                at_largest["p50_ms"] / base["p50_ms"],
                GROWTH_MAX,
            )
        else:
            continue
        targets.append({"name": name, "value": value, "bound": bound, "ok": value <= bound})
    return targets


def table(report: dict[str, Any]) -> str:
    """As Markdown: p50 (p95) in milliseconds by endpoint and size, then what else was seen."""
    sizes = report["sizes"]
    by_place = {(row["endpoint"], row["posts"]): row for row in report["rows"]}
    lines = [["p50 (p95) in ms", *(f"{size:,} posts" for size in sizes), "CPU ms, server + database, at the last"]]
    for endpoint in dict.fromkeys(row["endpoint"] for row in report["rows"]):
        cells = [by_place[endpoint, size] for size in sizes]
        spent = f"{cells[-1]['server_cpu_ms']:.1f} + {cells[-1]['database_cpu_ms']:.1f}"
        lines.append([endpoint, *(f"{cell['p50_ms']:.1f} ({cell['p95_ms']:.1f})" for cell in cells), spent])
    lines.append(["database, MB", *(f"{report['database_mb'][str(size)]:,.0f}" for size in sizes), ""])
    lines.append(["server process, MB", *(f"{report['memory_mb'][str(size)]:.0f}" for size in sizes), ""])
    return markdown(lines, 1)


def targets_table(report: dict[str, Any]) -> str:
    lines = [["Target", "measured", "bound", ""]]
    for target in report["targets"]:
        verdict = "ok" if target["ok"] else "**missed**"
        lines.append([target["name"], f"{target['value']:.2f}", f"{target['bound']:g}", verdict])
    return markdown(lines, 1)


def chart(rows: list[Row]) -> str:
    """SVG: a panel an endpoint, posts to the right and milliseconds up, both logarithmic and the same in all."""
    endpoints = list(dict.fromkeys(row["endpoint"] for row in rows))
    width, height = PANEL
    lines = math.ceil(len(endpoints) / COLUMNS)
    panels = "".join(
        f'<g transform="translate({index % COLUMNS * width},{index // COLUMNS * height})">{_panel(endpoint, rows)}</g>'
        for index, endpoint in enumerate(endpoints)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {COLUMNS * width} {lines * height + 24}" font-size="11" '
        f'font-family="sans-serif" role="img" aria-label="Latency by number of posts">'
        f'<rect width="100%" height="100%" fill="#fff"/>{panels}'
        f'<text x="10" y="{lines * height + 15}">Milliseconds by number of posts, both logarithmic: '
        f'<tspan fill="{COLORS["p50"]}">p50</tspan>, <tspan fill="{COLORS["p95"]}">p95</tspan></text></svg>\n'
    )


def _panel(endpoint: str, rows: list[Row]) -> str:
    width, height = PANEL
    left, right, top, bottom = 38, width - 10, 24, height - 24
    sizes = sorted({row["posts"] for row in rows})
    decades = _decades([row[key] for row in rows for key in ("p50_ms", "p95_ms")])

    def x(size: int) -> float:
        span = math.log10(sizes[-1] / sizes[0]) or 1
        return left + math.log10(size / sizes[0]) / span * (right - left)

    def y(ms: float) -> float:
        share = (math.log10(ms) - decades[0]) / (decades[-1] - decades[0])
        return bottom - share * (bottom - top)

    parts = [f'<text x="{left}" y="14" font-weight="bold">{html.escape(endpoint)}</text>']
    for power in decades:
        parts.append(f'<path d="M{left} {y(10.0**power):.1f}H{right}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 4}" y="{y(10.0**power) + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    for size in sizes:
        label = f"{size // 1_000}k" if size < 1_000_000 else f"{size // 1_000_000}M"
        parts.append(f'<text x="{x(size):.1f}" y="{height - 10}" text-anchor="middle">{label}</text>')
    of_endpoint = sorted((row for row in rows if row["endpoint"] == endpoint), key=lambda row: int(row["posts"]))
    for key, color in COLORS.items():
        points = " ".join(f"{x(row['posts']):.1f},{y(row[f'{key}_ms']):.1f}" for row in of_endpoint)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
    return "".join(parts)


def _decades(values: list[float]) -> range:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return range(low, max(high, low + 1) + 1)


def write_files(report: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(report, indent=1))
    (folder / "growth.svg").write_text(chart(report["rows"]))
    faults = "\n".join(f"- {fault}" for fault in report["plan_faults"]) or "No large table is read as a whole."
    (folder / "report.md").write_text("\n\n".join((table(report), targets_table(report), faults)) + "\n")
