"""Which version answered at the entrance, second by second, as a page without scripts: what Locust's report lacks."""

import html
from pathlib import Path
from typing import Any, Final

WIDTH: Final = 900
HEIGHT: Final = 260
LEFT: Final = 50
TOP: Final = 20
PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Load: which version answered</title>
<style>body{{font:15px/1.5 system-ui,sans-serif;margin:2rem;max-width:60rem}}td,th{{padding:.2rem 1rem .2rem 0;text-align:left}}
svg{{width:100%;height:auto}}</style>
<h1>Which version answered</h1>
<p>Answers of the entrance in each second: v2's share is filled, the line is the weight that was asked for.</p>
{chart}
<table><tr><th>Acknowledged</th><th>Number</th></tr>{written}</table>
<p>{verdict}</p>
</html>
"""


def write_report(result: dict[str, Any], path: Path) -> None:
    rows = "".join(
        f"<tr><td>{html.escape(what)}</td><td>{count:,}</td></tr>" for what, count in result["written"].items()
    )
    faults = "".join(f"<li>{html.escape(fault)}</li>" for fault in result["faults"])
    verdict = f"Not as acknowledged:</p><ul>{faults}</ul><p>" if faults else "All of it was read back, once."
    path.write_text(PAGE.format(chart=chart(result), written=rows, verdict=verdict))


def chart(result: dict[str, Any]) -> str:
    """As SVG."""
    seconds = {int(second): seen for second, seen in result["versions"].items()}
    if not seconds:
        return "<p>The entrance answered nobody.</p>"
    first, last = min(seconds), max(*seconds, min(seconds) + 1)

    def x(second: float) -> float:
        return LEFT + (min(max(second, first), last) - first) / (last - first) * (WIDTH - LEFT - 10)

    def y(percent: float) -> float:
        return TOP + (100 - percent) / 100 * (HEIGHT - TOP - 30)

    shares = [(second, 100 * seen.get("2", 0) / sum(seen.values())) for second, seen in sorted(seconds.items())]
    area = " ".join(f"{x(second):.1f},{y(share):.1f}" for second, share in shares)
    line = _steps(result["steps"], last, x, y)
    grid = "".join(
        f'<path d="M{LEFT} {y(p):.1f}H{WIDTH - 10}" stroke="#ddd"/><text x="8" y="{y(p) + 4:.1f}">{p} %</text>'
        for p in (0, 25, 50, 75, 100)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Share of v2 by second" font-size="12">{grid}'
        f'<polygon points="{x(first):.1f},{y(0):.1f} {area} {x(last):.1f},{y(0):.1f}" fill="#7aa7d9"/>'
        f'<polyline points="{line}" fill="none" stroke="#b03030" stroke-width="2"/>'
        f'<text x="{LEFT}" y="{HEIGHT - 6}">0 s</text>'
        f'<text x="{WIDTH - 10}" y="{HEIGHT - 6}" text-anchor="end">{last - first} s</text></svg>'
    )


def _steps(steps: list[list[float]], last: float, x: Any, y: Any) -> str:
    corners, weight = [], 0.0
    for asked_at, _, percent in steps:
        corners += [(asked_at, weight), (asked_at, percent)]
        weight = percent
    return " ".join(f"{x(at):.1f},{y(percent):.1f}" for at, percent in [*corners, (last, weight)])
