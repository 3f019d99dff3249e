"""`make bench-gate`: is this tree slower than an earlier revision? Both are measured in the same run.

The figure is the CPU time that a request takes of the server and of its PostgreSQL backends: a busy machine stretches what
waits, this it hardly moves. Both revisions are asked in turn for the same part of the workload, and for the few endpoints
that a user meets, in short rounds of alternating order; the ratio is taken inside the rounds. A case is slower when the
lower bound of its ratio, made of the noise of these very rounds, lies above 1 and the ratio above 1.07
(tests/bench/gate_statistics.py). One that seems so is measured twice more, with new processes each time, and has to be
found slower in each. Writes have a floor instead: they do surely less than 0.8 of plain REST framework's work.
"""

import argparse
import contextlib
import io
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.gate_servers import CASES, FLOOR, Case, Revision, Running, prepared_revisions, running
from tests.bench.gate_statistics import RELEVANT, RELEVANT_ALONE, Verdict, judge
from tests.bench.targets import WORKLOAD
from tests.measuring.client import UnexpectedAnswer
from tests.measuring.site import OTHER_CORE, pinned, running_engines
from tests.servers import ROOT

BRANCHES: Final = ("origin/main", "main")
WINDOW_CPU_S: Final = 0.08
REQUESTS: Final = range(8, 1_000)
"""In a window; of the workload, which is a mixture, WORKLOAD_WINDOWS times as many."""
WORKLOAD_WINDOWS: Final = 4
TIGHT: Final = 1.08
"""The upper bound over the lower one, with which the rounds end; on a busy machine there are up to LONGER times as many."""
LONGER: Final = 4
LOOKS_BACK_S: Final = 12 * 3_600
CONFIRMED: Final = 2
"""How many series more have to find an endpoint slower."""
SERIES_MAX_S: Final = 120
"""After which a series gets no more rounds than were asked for."""


class NoBase(Exception):
    """There is nothing to compare with."""


def main() -> int:
    options = _options()
    began = time.monotonic()
    try:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tandem-gate-")))
            base = options.base_tree or unpacked(options.base or default_base(), folder / "base")
            (folder / "media").mkdir()
            stack.enter_context(pinned(OTHER_CORE))
            engines = stack.enter_context(running_engines())
            prepared = prepared_revisions(engines, base, options.head, options.posts, str(folder / "media"))
            slower = compare(stack.enter_context(prepared), options.rounds, options.only)
    except NoBase as nothing:
        print(f"Nothing was compared: {nothing}", file=sys.stderr)
        return int(options.require_base)
    except UnexpectedAnswer as error:
        print(f"The run ended, its figures would mean nothing: {error}", file=sys.stderr)
        return 1
    names = ", ".join(case.name for case in slower)
    print(
        f"{f'SLOWER by more than its noise: {names}.' if slower else 'Not slower.'} ({time.monotonic() - began:.0f} s)"
    )
    return int(bool(slower))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--base",
        metavar="REVISION",
        help="of git (where this branch left main; on main where it was half a day before)",
    )
    parser.add_argument("--base-tree", type=Path, metavar="DIR", help="a folder with the base, instead of a revision")
    parser.add_argument("--head", type=Path, default=ROOT, metavar="DIR", help="the tree that is judged (this one)")
    parser.add_argument("--posts", type=int, default=500, metavar="N", help="posts in the databases (500)")
    parser.add_argument("--rounds", type=int, default=24, metavar="N", help="rounds (24)")
    parser.add_argument("--only", nargs="*", default=[], metavar="CASE", help="such as 'v1 list'; all by default")
    parser.add_argument("--require-base", action="store_true", help="fail when there is no revision to compare with")
    return parser.parse_args()


# -- the revision -----------------------------------------------------------------------------------------------------


def default_base() -> str:
    """Where this branch left main. On main itself: the last commit while something is not committed, else where main was
    half a day before, so that many commits that arrive together are judged together, and each once more with the next.
    """
    head = _git("rev-parse", "HEAD").decode().strip()
    for branch in BRANCHES:
        with contextlib.suppress(NoBase):
            base = _git("merge-base", "HEAD", branch).decode().strip()
            if base != head or _git("status", "--porcelain", "--untracked-files=no"):
                return base
    _git("rev-parse", "HEAD^")  # raises where there is none
    line = [each.split() for each in _git("log", "--first-parent", "--format=%H %ct").decode().splitlines()]
    then = int(line[0][1]) - LOOKS_BACK_S
    return next((commit for commit, made_at in line[1:] if int(made_at) <= then), line[-1][0])


def unpacked(revision: str, folder: Path) -> Path:
    """The tree of a revision; its dependencies are those that are installed."""
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", revision))) as archive:
        archive.extractall(folder, filter="data")
    print(f"Base: {_git('log', '-1', '--format=%h %s', revision).decode().strip()}", flush=True)
    return folder


def _git(*words: str) -> bytes:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        raise NoBase("git is not installed.") from None
    if done.returncode:
        reason = " ".join(done.stderr.decode(errors="replace").split())
        raise NoBase(f"git {' '.join(words)}: {reason}. A shallow clone has no history: fetch it, or name a BASE.")
    return done.stdout


# -- comparing --------------------------------------------------------------------------------------------------------


def compare(revisions: Sequence[Revision], rounds: int, only: Sequence[str]) -> list[Case]:
    """Return the cases in which the second revision is slower than the first one, or slower than the floor allows."""
    print(f"{'case':<24} {'base ms':>8} {'head ms':>8} {'ratio':>6}  bounds (base of writes: plain DRF)")
    suspects = _series(revisions, rounds, [case for case in CASES if not only or case.name in only])
    for _ in range(CONFIRMED):
        if suspects:
            print("once more, with new processes:")
            suspects = _series(revisions, rounds, suspects)
    return suspects


def _series(revisions: Sequence[Revision], rounds: int, cases: Sequence[Case]) -> list[Case]:
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(running(revisions[0], [case for case in cases if not case.has_floor]))
        head = stack.enter_context(running(revisions[1], cases))
        counts = _counts(base, head, cases)
        pairs: dict[Case, list[tuple[float, float]]] = {case: [] for case in counts}
        deadline = time.monotonic() + SERIES_MAX_S
        for number in range(rounds * LONGER):
            loose = [case for case in counts if number < rounds or not _is_tight(pairs[case])]
            if not loose or (number >= rounds and time.monotonic() > deadline):
                break
            for case in loose:
                pairs[case].append(_pair(base, head, case, counts[case], is_turned=bool(number % 2)))
    found = {case: judge(each) for case, each in pairs.items()}
    for case, verdict in found.items():
        _print(case, pairs[case], verdict)
    return [case for case, verdict in found.items() if _is_fault(case, verdict)]


def _is_fault(case: Case, verdict: Verdict) -> bool:
    if case.has_floor:
        return verdict.is_below(FLOOR)
    return verdict.is_slower(RELEVANT if case.row == WORKLOAD else RELEVANT_ALONE)


def _pair(base: Running, head: Running, case: Case, count: int, *, is_turned: bool) -> tuple[float, float]:
    """Return the costs of a request of base (of a write: of plain REST framework) and of head."""
    rivals = [(head if case.has_floor else base, case.rival), (head, case.side)]
    costs = [one.cost(side, case.row, count) for one, side in (rivals if is_turned else rivals[::-1])]
    first, second = costs if is_turned else costs[::-1]
    return first, second


def _is_tight(pairs: Sequence[tuple[float, float]]) -> bool:
    """Whether the ratio is known well enough. Not how it comes out decides how long is measured, which would invite chance."""
    verdict = judge(pairs)
    return verdict.high / verdict.low <= TIGHT


def _counts(base: Running, head: Running, cases: Sequence[Case]) -> dict[Case, int]:
    """Return the requests of a window for each case; an endpoint that base has not is new, and no slower than it was."""
    counts = {}
    for case in cases:
        rival = head if case.has_floor else base
        for _ in range(2):  # the first one compiles and connects; both sides stay at the same place of the workload
            cost_s = head.cost(case.side, case.row, REQUESTS.start)
            try:
                rival.cost(case.rival, case.row, REQUESTS.start)
            except UnexpectedAnswer:
                print(f"{case.name:<24} is new: base has no answer to it")
                break
        else:
            windows = WORKLOAD_WINDOWS if case.row == WORKLOAD else 1
            counts[case] = min(max(round(WINDOW_CPU_S * windows / cost_s), REQUESTS.start), REQUESTS.stop)
    if not counts:
        raise NoBase("base answers none of what was to be asked.")
    return counts


def _print(case: Case, pairs: Sequence[tuple[float, float]], verdict: Verdict) -> None:
    base_ms, head_ms = (sorted(costs)[len(costs) // 2] * 1_000 for costs in zip(*pairs, strict=True))
    note = "  SLOWER" if _is_fault(case, verdict) else ""
    bounds = f"{verdict.low:.2f} .. {verdict.high:.2f}"
    print(f"{case.name:<24} {base_ms:>8.3f} {head_ms:>8.3f} {verdict.ratio:>6.3f}  {bounds}{note}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
