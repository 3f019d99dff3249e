"""Prints the rows, each with what the design wants and what other rules do on the same requests."""

import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from tests.simulation.loop.cases import ROWS, Row, Wanted
from tests.simulation.loop.trials import Trials, run_row

HEAD: Final = (
    f"{'v2':56}{'runs':>6}{'tandem':>19}{'to 100 %':>10}{'failed reads':>14}{'Argo':>19}{'Flagger':>19}"
    f"  {'wanted':34}{'met':5}{'time':>6}"
)
ABOUT: Final = """\
Releases in a closed loop: made-up requests, and a controller that steps and rolls back. The plan is 10/50/90/100 %.
tandem: rolled back, and the median of when. to 100 %: of these releases, promoted to the last step; pushed:
somebody takes each step in time, whatever the verdict waits for. failed reads: of v2's users, after v1 was asked too.
Argo: four windows of 5 min with under 95 % good. Flagger: five minutes with under 99 % good, or 1 % over 500 ms. Both
watch the same requests, and go on by the clock where Tandem has rolled back. wanted: what the design
wants. met: open where the share misses it by no more than chance explains.
"""


def print_table(share: float, only: str | None, seed: str, jobs: int) -> None:
    print(f"{ABOUT}\n{HEAD}", flush=True)
    with ProcessPoolExecutor(jobs) as pool:
        for name, row in ROWS.items():
            if only in (None, name):
                started = time.perf_counter()
                trials = run_row(name, max(1, round(row.runs * share)), seed, pool)
                print(line_of(name, row, trials, time.perf_counter() - started), flush=True)


def line_of(name: str, row: Row, trials: Trials, seconds: float) -> str:
    promoted = "pushed" if row.case.is_pushed else f"{100 * trials.promoted / trials.runs:.1f} %"
    rules = "".join(f"{_ended(ends_min, trials.runs):>19}" for ends_min in (trials.argo_min, trials.flagger_min))
    tandem = _ended([after_s / 60 for after_s in trials.rollbacks_s], trials.runs)
    faults = trials.faults(row.wanted)
    is_beyond_chance = bool(trials.faults(row.wanted, is_short=True))
    met = "" if row.wanted == Wanted() else "no" if is_beyond_chance else "open" if faults else "yes"
    figures = f"{trials.runs:>6}{tandem:>19}{promoted:>10}{trials.failed_reads:>14}{rules}"
    line = f"{name:56}{figures}  {row.wanted!s:34}{met:5}{seconds:>4.0f} s"
    return "\n    ".join([line, *faults])


def _ended(ends_min: list[float], runs: int) -> str:
    """The share that was rolled back, and the median of when."""
    share = f"{100 * len(ends_min) / runs:.1f} %"
    return f"{share} {statistics.median(ends_min):6.1f} min" if ends_min else f"{share}{'':11}"
