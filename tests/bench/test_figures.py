"""What becomes of the measurements: figures held against targets, the tables, the document; and where servers run."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.bench.docs import PAGE, filled, rows_table, short_of_a_full_run, targets_table
from tests.bench.targets import LABELS, LOGINS, ROWS, SIGNED, TARGETS, Measured, Round, judged, rows_of
from tests.databases import copied_database, process_env
from tests.measuring.processes import with_children
from tests.measuring.site import OTHER_CORE, SERVER_CORE, pinned, serving
from tests.servers import ROOT

PER_S = {"v2": 450, "v2 warm": 1_800, "v2 cold": 270, "v1": 110, "drf": 100, "ninja": 150, "empty": 4_000}


def a_round(slower_by: float = 1.0) -> Round:
    def measured(side: str) -> Measured:
        cost_ms = 1_000 / PER_S[side] * slower_by
        return Measured(PER_S[side] / slower_by, cost_ms * 0.75, cost_ms * 0.25, 8.0, 20.0)

    return {(row, side): measured(side) for row, sides in ROWS.items() for side in sides}


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    rounds = [a_round(), a_round(slower_by=2), a_round()]
    return {
        "rows": rows_of(rounds),
        "targets": judged(rounds, [4.0, 6.0, 5.5]),
        "memory_mb": {"v2": 95.0, "ninja": 80.0},
        "refused": 3,
        "machine": {"CPU": "a fast one", "PostgreSQL": "15.20"},
        "run": {"posts": 10_000, "rounds": 7, "seconds": 0.7, "requests": 600, "took_s": 600, "one_core": False}
        | {"load": [1.0, 3.0]},
    }


def test_the_bounds_are_those_that_were_promised() -> None:
    bounds = {f"{each.of[0]}: {each.of[1]} to {each.to[1]}": each.at_least for each in TARGETS if each.at_least}
    warm = {"detail": 12, "list": 20, "tags": 12}
    cold = (*warm, "include", "tag", "date", "second")
    signed = [f"{row}{SIGNED}" for row in ("detail", "list", "include")]
    promised: dict[str, float] = {"workload: v2 to drf": 3, "workload: v2 to ninja": 2}
    promised |= {f"search: {side} to drf": 2 for side in ("v2 warm", "v2 cold")}
    promised |= {f"{row}: v2 warm to drf": bound for row, bound in warm.items()}
    promised |= {f"{row}: v2 warm to ninja": 6 for row in warm}
    for peer, bound in (("drf", 3), ("ninja", 1.5)):
        promised |= {f"{row}: v2 cold to {peer}": bound for row in cold}
        promised |= {f"{row}: v2 to {peer}": bound for row in signed}
    promised |= {"create: v2 to drf": 0.8, "edit: v2 to drf": 0.8, "detail: v2 warm to empty": 0.6}
    promised |= {f"{row}: v1 to drf": 1.2 for row in ("detail", "list", "tags", "search", "comments")}
    assert bounds == promised


def test_each_row_and_side_of_a_target_is_measured() -> None:
    measured = {(row, side) for row, sides in ROWS.items() for side in sides}
    assert {place for target in TARGETS for place in (target.of, target.to)} == measured
    assert {row.removesuffix(SIGNED) for row in ROWS} == set(LABELS)


def test_a_ratio_is_taken_inside_its_round() -> None:
    """Twice as slow a machine changes every rate and no ratio."""
    [first, *_] = judged([a_round(), a_round(slower_by=5)])
    even = {"median": 4.5, "least": 4.5, "greatest": 4.5}
    assert (first["row"], first["side"], first["peer"]) == ("workload", "v2", "drf")
    assert first["rate"] == first["cost"] == pytest.approx(even)


def test_both_the_rate_and_the_processor_time_keep_a_bound(report: dict[str, Any]) -> None:
    missed = [(target["row"], target["side"]) for target in report["targets"] if not target["met"]]
    cold = [(row, "v2 cold") for row in ("detail", "list", "tags", "include", "tag", "date", "second")]
    v1 = [(row, "v1") for row in ("detail", "list", "tags", "search", "comments")]
    assert missed == [("list", "v2 warm"), *cold, ("detail", "v2 warm"), *v1, (LOGINS, "v2")]
    dear = {place: replace(one, cpu_ms=99.0) if place[1] == "v2" else one for place, one in a_round().items()}
    assert not judged([dear])[0]["met"]


def test_the_tables_have_every_verdict_and_every_row(report: dict[str, Any]) -> None:
    targets, rows = targets_table(report), rows_table(report)
    drf, ninja = (
        "4.50 (4.50 to 4.50) | 4.50 (4.50 to 4.50) | ≥ 3 met",
        "3.00 (3.00 to 3.00) | 3.00 (3.00 to 3.00) | ≥ 2 met",
    )
    assert f"| **the workload** | v2 | {drf} | {ninja} |" in targets
    assert "2.70 (2.70 to 2.70) | ≥ 3 **missed** |" in targets
    assert f"{LOGINS}: 5.50 (4.00 to 6.00); wanted ≤ 5 **missed**." in targets
    assert "One post, v2 warm, to an empty WSGI application:\n0.45 (" in targets
    assert (
        "| comments of a post |  |  | 270; 2.78 + 0.93 | 110; 6.82 + 2.27 | 100; 7.50 + 2.50 | 150; 5.00 + 1.67 |  |"
        in rows
    )
    assert rows.count("\n") == 1 + len(ROWS)


def test_the_page_takes_a_run_and_a_second_one(report: dict[str, Any]) -> None:
    once = filled(PAGE.read_text(), report)
    assert "load was 1.0 before it and 3.0 at its end" in once
    assert filled(once, report) == once
    with pytest.raises(ValueError, match="markers"):
        filled(once.replace("<!-- bench:rows -->", ""), report)


def test_a_short_or_a_partial_run_is_none_for_the_record(report: dict[str, Any]) -> None:
    def with_run(**changes: Any) -> dict[str, Any]:
        return report | {"run": report["run"] | changes}

    assert short_of_a_full_run(report) == ""
    assert "3 rounds" in short_of_a_full_run(with_run(rounds=3))
    assert "2,000 posts" in short_of_a_full_run(with_run(posts=2_000))
    assert "one core" in short_of_a_full_run(with_run(one_core=True))
    partial = [target for target in report["targets"] if (target["row"], target["peer"]) != ("create", "drf")]
    assert short_of_a_full_run(report | {"targets": partial}) == "it lacks create of v2 to drf"


@pytest.mark.slow
def test_servers_have_a_core_to_themselves(template_of: Callable[[str], str], tmp_path: Path) -> None:
    with copied_database(template_of("postgresql"), tmp_path) as url, pinned(OTHER_CORE):
        with serving(process_env(url)) as server:
            assert [os.sched_getaffinity(pid) for pid in with_children(server.process.pid)] == [{SERVER_CORE}] * 2
            assert os.sched_getaffinity(0) == {OTHER_CORE}
        assert os.sched_getaffinity(0) == {OTHER_CORE}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "words"),
    [("application_servers", ("--rounds", "1", "--seconds", "0.2")), ("run", ("--rounds", "1", "--seconds", "0.1"))],
)
def test_every_server_answers_all_that_it_is_measured_by(module: str, words: tuple[str, ...]) -> None:
    """So short a run may miss a target, and every answer has to be a success."""
    command = [sys.executable, "-m", f"tests.bench.{module}", "--posts", "400", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=1_800)
    assert "The run ended" not in done.stderr
    sides = ("gunicorn", "granian") if module == "application_servers" else ("plain DRF", "django-ninja", "empty WSGI")
    assert all(side in done.stdout for side in sides), done.stderr
