"""`make bench-docs`: writes the figures of the last run between the markers of the two pages that have them."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.bench.tables import ENDPOINTS, SERVERS, database_ms, markdown, number, ratios_table, rows_table, side
from tests.bench.targets import LOADED_SHARE, TARGETS
from tests.servers import ROOT

RESULTS: Final = ROOT / "build/bench/results.json"
FULL_POSTS: Final = 10_000
FULL_ROUNDS: Final = 7
PAGES: Final = {
    ROOT / "docs/performance.md": ("machine", "rows", "missed"),
    ROOT / "tests/bench/README.md": ("targets", "unloaded", "create", "capacity"),
}
"""The sections that each page has markers for."""


def main() -> int:
    if not RESULTS.exists():
        print("There are no results: `make bench` makes them.", file=sys.stderr)
        return 1
    report = json.loads(RESULTS.read_text())
    if gap := short_of_a_full_run(report):
        print(f"The last run is none for a record: {gap}. `make bench` makes one.", file=sys.stderr)
        return 1
    for page, text in filled({page: page.read_text() for page in PAGES}, report).items():
        page.write_text(text)
        print(f"Written into {page.relative_to(ROOT)}.")
    return 0


def short_of_a_full_run(report: Mapping[str, Any]) -> str:
    """What it lacks; empty for a full one."""
    run = report["run"]
    if run["posts"] < FULL_POSTS or run["rounds"] < FULL_ROUNDS:
        return f"{run['posts']:,} posts and {run['rounds']} rounds, of {FULL_POSTS:,} and {FULL_ROUNDS}"
    if run["one_core"]:
        return "everything was on one core"
    lacking = [target.name for target in TARGETS if target.name not in report["ratios"]]
    return f"it lacks {', '.join(lacking)}" if lacking else ""


def filled(pages: Mapping[Path, str], report: Mapping[str, Any]) -> dict[Path, str]:
    """Return the pages with the run's tables between their markers; raise ValueError when one is missing."""
    texts = sections(report)
    return {page: _with_sections(text, {name: texts[name] for name in PAGES[page]}) for page, text in pages.items()}


def _with_sections(page: str, texts: Mapping[str, str]) -> str:
    for name, text in texts.items():
        begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"The page has no pair of markers {begin}.")
        page = re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{text}\n{end}", page, flags=re.DOTALL)  # noqa: B023
    return page


def sections(report: Mapping[str, Any]) -> dict[str, str]:
    run, machine = report["run"], report["machine"]
    how = (
        f"{run['posts']:,} posts, {run['rounds']} rounds of {run['seconds']:g} s for each server and endpoint; the whole run"
        f" took {run['took_s'] / 60:.0f} minutes."
    )
    return {
        "machine": markdown([[*machine], [*machine.values()]], len(machine)),
        "rows": f"{how}\n\n{markdown(rows_table(report), 2)}",
        "missed": _missed(report),
        "targets": markdown(ratios_table(report), 1),
        "unloaded": markdown(_unloaded(report), 2),
        "create": markdown(_create(report), 1),
        "capacity": f"{markdown(_capacity(report), 2)}\n\nMemory of a worker after the run: {_memory(report)}.",
    }


def _missed(report: Mapping[str, Any]) -> str:
    """The bounds that the run has not kept."""
    bounded = [ratio for ratio in report["ratios"].values() if ratio["bound"]]
    missed = {name: ratio for name, ratio in report["ratios"].items() if ratio["bound"] and not ratio["ok"]}
    if not missed:
        return f"All {len(bounded)} bounds are kept."
    kept = f"{len(bounded) - len(missed)} of {len(bounded)} bounds are kept. The others:"
    return f"{kept}\n\n{markdown(ratios_table({'ratios': missed}), 1)}"


def _unloaded(report: Mapping[str, Any]) -> list[list[str]]:
    rows = [row for row in report["unloaded"] if row["server"] in ("v1", "v2")]
    table = [["endpoint", "server", "p50 ms", "p95 ms", "p99 ms"]]
    times = ([number(row[f"p{each}_ms"]) for each in (50, 95, 99)] for row in rows)
    return table + [[ENDPOINTS[row["endpoint"]], side(row), *its] for row, its in zip(rows, times, strict=True)]


def _create(report: Mapping[str, Any]) -> list[list[str]]:
    costs = report["create_costs_ms"]
    head = ["ms of a create", *(SERVERS[name] for name in costs)]
    return [head, *([part, *(number(each[part]) for each in costs.values())] for part in costs["v2"])]


def _capacity(report: Mapping[str, Any]) -> list[list[str]]:
    """Cores of which 80 % are busy: a thousand requests of so many milliseconds of processor time are as many cores."""
    database = database_ms(report)
    head = ["requests", "server", "a second on these two cores, at 80 %"]
    table = [[*head, "web cores for 1,000 a second", "PostgreSQL's"]]
    for row in report["rows"]:
        if row["server"] in ("v1", "v2"):
            words, spent = [ENDPOINTS[row["endpoint"]], side(row)], database.get((row["endpoint"], side(row)))
            cores = [f"{ms / LOADED_SHARE:.1f}" if ms is not None else "-" for ms in (row["cpu_ms"], spent)]
            table.append([*words, number(row["requests_per_s"] * LOADED_SHARE), *cores])
    return table


def _memory(report: Mapping[str, Any]) -> str:
    names = {"drf": "plain DRF", "empty": "empty view"}
    return ", ".join(f"{names.get(name, name)} {size:.0f} MB" for name, size in report["memory_mb"].items())


if __name__ == "__main__":
    sys.exit(main())
