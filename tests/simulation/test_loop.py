"""Short forms of the rows of `make simulate`: each line of the design's table holds, as far as few runs can tell.

The bounds are binomial: while a share is just the wanted one, a row fails in one of a hundred seeds. The seeds are fixed.
"""

import pytest

from tests.simulation.loop.cases import ROWS, at_least, at_most
from tests.simulation.loop.trials import run_row
from tests.slow import slow_unless

KEPT = {
    "fails everything, 1 client, 10 %",
    "fails everything, 20 clients, 100 %",
    "answers 30 % by 404",
    "fails a third, a new account with 200 keys jams",
}
"""One of a kind for `make test`, the quickest; `make test-all` runs them all."""


@pytest.mark.parametrize("name", [slow_unless(name in KEPT, name) for name, row in ROWS.items() if row.quick])
def test_what_the_design_wants_holds(name: str) -> None:
    row = ROWS[name]
    trials = run_row(name, row.quick, "short")
    assert trials.faults(row.wanted, is_short=True) == []


def test_bounds_are_those_of_chance() -> None:
    """From a table of the binomial distribution: more than 7 of 60 at 5 % come in 0.98 % of cases, more than 6 in 2.97 %."""
    assert at_most(60, 0.05) == 7
    assert at_least(60, 0.95) == 53
    assert at_most(4, 0.0) == 0
