"""The results as tables: for a terminal, and by `make bench-docs` between the markers of docs/performance.md."""

import json
import sys
from collections.abc import Mapping
from typing import Any, Final

from tests.bench.targets import LABELS, LOGINS, SIGNED, TARGETS
from tests.measuring.tables import markdown, number
from tests.servers import ROOT

RESULTS: Final = ROOT / "build/bench/results.json"
PAGE: Final = ROOT / "docs/performance.md"
FULL: Final = {"posts": 10_000, "rounds": 7}
PEERS: Final = {"drf": "plain DRF", "ninja": "django-ninja"}
SIDES: Final = {"v2": "v2", "v2 warm": "v2 warm", "v2 cold": "v2 cold", "v1": "v1", **PEERS, "empty": "empty WSGI"}


def main() -> int:
    if not RESULTS.exists():
        print("There are no results: `make bench` makes them.", file=sys.stderr)
        return 1
    report = json.loads(RESULTS.read_text())
    if gap := short_of_a_full_run(report):
        print(f"The last run is none for a record: {gap}. `make bench` makes one.", file=sys.stderr)
        return 1
    PAGE.write_text(filled(PAGE.read_text(), report))
    print(f"Written into {PAGE.relative_to(ROOT)}.")
    return 0


def short_of_a_full_run(report: Mapping[str, Any]) -> str:
    """Return what it lacks; empty for a full one."""
    run = report["run"]
    if any(run[name] < least for name, least in FULL.items()):
        return f"{run['posts']:,} posts and {run['rounds']} rounds, of {FULL['posts']:,} and {FULL['rounds']}"
    if run["one_core"]:
        return "everything was on one core"
    measured = {(target["row"], target["side"], target["peer"]) for target in report["targets"]}
    lacking = [target for target in TARGETS if (*target.of, target.to[1]) not in measured]
    return (
        "it lacks " + ", ".join(f"{each.of[0]} of {each.of[1]} to {each.to[1]}" for each in lacking) if lacking else ""
    )


def filled(page: str, report: Mapping[str, Any]) -> str:
    """Return the page with the run's tables between their markers; raise ValueError when one is missing."""
    for name, text in sections(report).items():
        begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"The page has no pair of markers {begin}.")
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}"
    return page


def sections(report: Mapping[str, Any]) -> dict[str, str]:
    machine = report["machine"]
    return {
        "machine": f"{markdown([[*machine], [*machine.values()]], len(machine))}\n\n{text_of(report)}",
        "targets": targets_table(report),
        "rows": f"{rows_table(report)}\n\n{memory_text(report)}",
    }


def text_of(report: Mapping[str, Any]) -> str:
    """The run in words."""
    run = report["run"]
    before, after = run["load"]
    missed = sum(not target["met"] for target in report["targets"])
    bounded = sum(map(_is_bounded, report["targets"]))
    return (
        f"{run['posts']:,} posts, {run['rounds']} rounds. In each, a side answers {run['requests']} requests of the workload"
        f" and {run['seconds']:g} s of each endpoint.\nThe run took {run['took_s'] / 60:.0f} minutes; the machine's load was"
        f" {before:.1f} before it and {after:.1f} at its end.\n{bounded - missed} of {bounded} targets are met."
        f" {report['refused']} requests were refused for want of a place, and sent again after a second."
    )


def targets_table(report: Mapping[str, Any]) -> str:
    """A line for what is asked of each side of ours, beside both peers, and sentences for what has no peer."""
    head = ["", "side"]
    for name in PEERS.values():
        head += [f"{name}: processor time", "requests a second", "wanted"]
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for target in report["targets"]:
        found.setdefault((target["row"], target["side"]), {})[target["peer"]] = target
    table = [
        [_label(row), side, *(cell for peer in PEERS for cell in _against(of.get(peer)))]
        for (row, side), of in found.items()
        if of.keys() & PEERS
    ]
    return "\n\n".join((markdown([head, *table], 2), *_alone(report)))


def rows_table(report: Mapping[str, Any]) -> str:
    """Requests a second, and the processor time of an answer: the server's and PostgreSQL's."""
    found: dict[str, dict[str, str]] = {}
    for row in report["rows"]:
        cell = f"{number(row['requests_per_s'])}; {number(row['cpu_ms'])} + {number(row['database_ms'])}"
        found.setdefault(row["row"], {})[row["side"]] = cell
    table = [["requests a second; ms", *SIDES.values()]]
    table += [[_label(row), *(of.get(side, "") for side in SIDES)] for row, of in found.items()]
    return markdown(table, 1)


def memory_text(report: Mapping[str, Any]) -> str:
    sizes = (f"{SIDES.get(name, name)} {size:.0f} MB" for name, size in report["memory_mb"].items())
    return f"Memory of a worker after the run: {', '.join(sizes)}."


def _label(row: str) -> str:
    return LABELS[row.removesuffix(SIGNED)] + (SIGNED if SIGNED in row else "")


def _against(target: Mapping[str, Any] | None) -> tuple[str, str, str]:
    return (_spread(target["cost"]), _spread(target["rate"]), _verdict(target)) if target else ("", "", "")


def _alone(report: Mapping[str, Any]) -> list[str]:
    found = []
    for target in report["targets"]:
        if target["peer"] == "empty":
            seen = f"{_spread(target['cost'])} of processor time, {_spread(target['rate'])} of requests a second"
            found.append(
                f"{_label(target['row']).capitalize()}, {target['side']}, to an empty WSGI application:\n{seen}"
            )
        elif target["row"] == LOGINS:
            found.append(f"{LOGINS}: {_spread(target['rate'])}")
        else:
            continue
        found[-1] += f"; wanted {_verdict(target)}."
    return found


def _is_bounded(target: Mapping[str, Any]) -> bool:
    return "at_most" in target or target["wanted"] is not None


def _verdict(target: Mapping[str, Any]) -> str:
    if not _is_bounded(target):
        return ""
    bound = f"≤ {target['at_most']:g}" if "at_most" in target else f"≥ {target['wanted']:g}"
    return f"{bound} {'met' if target['met'] else '**missed**'}"


def _spread(figure: Mapping[str, float]) -> str:
    return f"{number(figure['median'])} ({number(figure['least'])} to {number(figure['greatest'])})"


if __name__ == "__main__":
    sys.exit(main())
