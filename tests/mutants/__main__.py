"""Plants each fault in a copy of the project, runs the tests that concern it, and prints which faults nobody noticed.

Fails below FLOOR. A run that hangs has noticed: nobody merges that.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import Queue
from typing import Final

from tests.engines import start_engines
from tests.mutants.planting import LISTS, Fault, faults
from tests.mutants.trees import GREEN, HANGS, NOTHING_RAN, ROOT, Tree, make_databases

TESTS: Final = ROOT / "tests"
FLOOR: Final = 0.95
# The folders that a change of a package concerns, those first that notice most. A package's own mirror comes before them.
CONCERNED: Final = {
    "api_v1": ("api_v1", "contract", "versions", "mixed", "e2e"),
    "api_v2": ("api_v2", "leaks", "versions", "mixed", "e2e", "live", "faults"),
    "canary": ("canary", "versions", "cms/rollout", "faults"),
    "cms": ("cms", "api_v2", "api_v1", "leaks", "versions", "mixed", "contract", "faults"),
}


class BrokenTests(Exception):
    """Tests fail without the fault: what they would say of it means nothing."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("part", nargs="?", default="", help="only faults whose path has this in it")
    parser.add_argument("--workers", type=int, default=2, help="faults at a time")
    options = parser.parse_args()
    if not any(options.part in fault.path for name in LISTS for fault in faults(name)):
        parser.error(f"no fault's path has {options.part!r} in it")
    chosen = {name: [fault for fault in faults(name) if options.part in fault.path] for name in LISTS}
    with ExitStack() as stack:
        trees = _started(options.workers, stack)
        pool = stack.enter_context(ThreadPoolExecutor(options.workers))
        are_well = [report(LISTS[name], _try_all(planted, trees, pool)) for name, planted in chosen.items() if planted]
    return int(not all(are_well))


def _started(count: int, stack: ExitStack) -> "Queue[Tree]":
    """Start the engines and make the copies; all of it goes when `stack` is closed."""
    engines = start_engines(
        {**os.environ, "REQUIRE_SERVICES": "1"}, postgres_settings={"autovacuum": "off", "max_connections": "200"}
    )
    stack.callback(engines.stop)
    make_databases(engines, count)
    trees: Queue[Tree] = Queue()
    for number in range(count):
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tandem-mutants-"))
        trees.put(Tree.copied(Path(folder), number, engines))
    return trees


def _try_all(planted: list[Fault], trees: "Queue[Tree]", pool: ThreadPoolExecutor) -> dict[Fault, bool]:
    running = [pool.submit(_is_noticed, fault, trees) for fault in planted]
    try:
        return {fault: future.result() for fault, future in zip(planted, running, strict=True)}
    finally:
        for future in running:
            future.cancel()


def _is_noticed(fault: Fault, trees: "Queue[Tree]") -> bool:
    tree, began = trees.get(), time.monotonic()
    try:
        by = next(filter(None, (noticed_by(stage, fault, tree) for stage in stages_of(fault.path))), "")
    finally:
        trees.put(tree)
    took_s = time.monotonic() - began
    print(f"{'noticed ' if by else 'SURVIVED'} {took_s:6.1f} s  {fault}{by and f'  by {by}'}", flush=True)
    return bool(by)


def stages_of(path: str) -> list[list[str]]:
    """Return the tests that run for a change of the module, the nearest first: its mirrors, their folder, what it concerns."""
    package, *words = Path(path).with_suffix("").parts
    mirrors = [test for word in reversed(words) for test in sorted((TESTS / package).rglob(f"test_{word}*.py"))]
    mirrored = TESTS.joinpath(package, *words[:-1])
    folders = [mirrored] * mirrored.is_dir() + [TESTS / name for name in CONCERNED[package]]
    stages = [mirrors] * bool(mirrors) + [[folder] for folder in dict.fromkeys(folders)]
    return [[test.relative_to(ROOT).as_posix() for test in stage] for stage in stages]


def noticed_by(stage: list[str], fault: Fault, tree: Tree) -> str:
    """Return the test that failed, or what there is to say of the end without one; empty when all passed.

    It has to pass again without the fault, or the machine would have noticed whatever is planted. Raises BrokenTests.
    """
    tree.forget_failures()
    with fault.planted(tree.folder):
        code = tree.test(*stage)
    if code in (GREEN, NOTHING_RAN):  # all tests of a file may be left to longer runs
        return ""
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", tree.log.read_text(), re.MULTILINE)
    if tree.test("--last-failed", *stage) != GREEN:
        raise BrokenTests(f"{' '.join(stage)}, without any fault:\n{tree.log.read_text()[-5_000:]}")
    return failed[1] if failed else f"{stage[0]} ({'it hangs' if code == HANGS else f'pytest ended with {code}'})"


def report(what: str, noticed: dict[Fault, bool]) -> bool:
    for fault, is_noticed in noticed.items():
        if not is_noticed:
            print(f"nobody noticed  {fault}")
    share = sum(noticed.values()) / len(noticed)
    print(f"{sum(noticed.values())} of {len(noticed)} faults planted in {what} were noticed ({FLOOR:.0%} have to be).")
    return share >= FLOOR


if __name__ == "__main__":
    sys.exit(main())
