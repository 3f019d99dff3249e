"""`python -m tests.simulation`: how releases of many kinds end, next to what other rules do on the same data.

First the statistics alone, then crossovers, then whole rollouts in a closed loop.
"""

import argparse
import os
import sys
import time
from typing import Final

from tests.simulation.crossover import ROWS as CROSSOVER_ROWS
from tests.simulation.crossover import print_crossovers
from tests.simulation.loop.cases import ROWS as LOOP_ROWS
from tests.simulation.loop.table import print_table
from tests.simulation.population import Truth
from tests.simulation.trials import ROWS, SEED, Trials, run_trials

HEAD: Final = (
    f"{'v2 is':45}{'runs':>6}{'tandem':>9}{'median':>9}{'held':>8}{'safe':>8}{'A/A':>8}"
    f"{'limit 99 %':>12}{'z-test':>9}{'time':>8}"
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the releases of each kind; 0.1 for a short look, 10 for a long one"
    )
    parser.add_argument(
        "--only",
        choices=[*ROWS, *CROSSOVER_ROWS, *LOOP_ROWS],
        metavar="KIND",
        help="one kind alone, as a table names it",
    )
    parser.add_argument("--seed", default=SEED)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes of the second table")
    arguments = parser.parse_args()
    only = arguments.only
    if only is None or only in ROWS:
        print_statistics(arguments.share, only, arguments.seed)
    if only is None or only in CROSSOVER_ROWS:
        print_crossovers(arguments.share, only, arguments.seed)
    if only is None or only in LOOP_ROWS:
        print_table(arguments.share, only, arguments.seed, arguments.jobs)
    return 0


def print_statistics(share: float, only: str | None, seed: str) -> None:
    print("Releases rolled back: 2,000 users, a few of them very active or failing much, 10/50/90 % for an hour each,")
    print(
        "looked at after every event. limit: the third five minutes with under 99 % of v2's requests good; z-test: every"
    )
    print(
        "minute at 5 %. held: by refusals alone. safe: certified in time in every stage. A/A: alarms of the guard, which\n"
        "compares v1 with itself.\n"
    )
    print(HEAD, flush=True)
    for name, (truth, runs) in ROWS.items():
        if only in (None, name):
            print_row(name, truth, max(1, round(runs * share)), seed)
    if only is None:
        print()


def print_row(name: str, truth: Truth, runs: int, seed: str) -> None:
    started = time.perf_counter()
    trials = run_trials(truth, runs, f"{seed} {name}")
    print(line_of(name, trials, time.perf_counter() - started), flush=True)


def line_of(name: str, trials: Trials, seconds: float) -> str:
    median = "" if trials.median_min is None else f"{trials.median_min:.0f} min"
    counts = (trials.held, trials.safe, trials.guards, trials.thresholds, trials.z_tests)
    held, safe, guard, limit, z_test = (f"{100 * count / trials.runs:.1f} %" for count in counts)
    alarms = f"{100 * trials.rate:.1f} %"
    figures = f"{alarms:>9}{median:>9}{held:>8}{safe:>8}{guard:>8}{limit:>12}{z_test:>9}{seconds:>6.0f} s"
    return f"{name:45}{trials.runs:>6}{figures}"


if __name__ == "__main__":
    sys.exit(main())
