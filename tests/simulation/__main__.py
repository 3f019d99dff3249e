"""`python -m tests.simulation`: the table of all kinds of releases, next to a fixed limit and a z-test on the same data."""

import argparse
import sys
import time

from tests.simulation.population import Truth
from tests.simulation.trials import Trials, run_trials

ROWS = (
    ("identical", Truth()),
    ("errors × 0.7", Truth(errors=0.7)),
    ("errors × 2", Truth(errors=2)),
    ("errors × 3", Truth(errors=3)),
    ("errors × 5", Truth(errors=5)),
    ("latency + 20 %", Truth(latency=1.2)),
    ("latency + 50 %", Truth(latency=1.5)),
    ("client errors × 5", Truth(client_errors=5)),
    ("better: errors × 0.5, latency - 20 %", Truth(errors=0.5, latency=0.8)),
)
HEAD = (
    f"{'v2 is':38}{'runs':>6}{'tandem':>9}{'median':>9}{'safe':>8}{'A/A':>8}{'limit 99 %':>12}{'z-test':>9}{'time':>8}"
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--null", type=int, default=2_000, help="releases of identical versions")
    parser.add_argument("--runs", type=int, default=300, help="releases of every other kind")
    parser.add_argument("--seed", default="1")
    arguments = parser.parse_args()
    print("Releases rolled back: 2,000 users, a few of them very active or failing much, 10/50/90 % for an hour each,")
    print(
        "looked at after every event. limit: the third five minutes with under 99 % of v2's requests good; z-test: every"
    )
    print(
        "minute at 5 %. safe: certified in time in every stage. A/A: alarms of the guard, which compares v1 with itself.\n"
    )
    print(HEAD, flush=True)
    for name, truth in ROWS:
        started = time.perf_counter()
        trials = run_trials(truth, arguments.null if truth == Truth() else arguments.runs, f"{arguments.seed} {name}")
        print(line_of(name, trials, time.perf_counter() - started), flush=True)
    return 0


def line_of(name: str, trials: Trials, seconds: float) -> str:
    median = "" if trials.median_min is None else f"{trials.median_min:.0f} min"
    counts = (trials.safe, trials.guards, trials.thresholds, trials.z_tests)
    safe, guard, limit, z_test = (f"{100 * count / trials.runs:.1f} %" for count in counts)
    alarms = f"{100 * trials.rate:.1f} %"
    return f"{name:38}{trials.runs:>6}{alarms:>9}{median:>9}{safe:>8}{guard:>8}{limit:>12}{z_test:>9}{seconds:>6.0f} s"


if __name__ == "__main__":
    sys.exit(main())
