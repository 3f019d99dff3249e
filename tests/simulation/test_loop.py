"""Short forms of the rows of `make simulate`: each line of the design's table holds, as far as few runs can tell.

The bounds are binomial: while a share is just the wanted one, a row fails in one of a hundred seeds. The seeds are fixed.
"""

import math
import random

import pytest

from canary.core.statistics import Evidence
from tests.simulation.loop.cases import ROWS, at_least, at_most
from tests.simulation.loop.people import ROUTES, draw_people
from tests.simulation.loop.playing import SOUND, Played, Release
from tests.simulation.loop.recording import Recorder
from tests.simulation.loop.trials import run_row
from tests.simulation.loop.worlds import Outage, World
from tests.slow import slow, slow_unless

KEPT = {
    "fails everything, 1 client, 10 %",
    "fails everything, 5 clients, 100 %",
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


class Thorough(Release):
    """Asks the breakers in each turn."""

    def _may_trip(self, now: int) -> bool:
        return True


@pytest.mark.parametrize(
    "name", ["fails everything, 5 clients, 10 %", "answers 30 % by 404", slow("harms both versions by its load")]
)
def test_breakers_are_left_out_only_in_turns_in_which_none_trips(name: str) -> None:
    def told(played: Played) -> tuple[float | None, str]:
        return played.rolled_back_s, played.reason

    assert told(Thorough(ROWS[name].case, "seed").play()) == told(Release(ROWS[name].case, "seed").play())


def test_pairs_in_an_outage_of_both_versions_are_fair_coins() -> None:
    """Beyond three standard deviations comes once in 370 seeds."""
    rng = random.Random(1)
    world, recorder, evidence = World(rng, SOUND, [Outage(0, math.inf, 0.4)]), Recorder(1, 1_000, 0), Evidence.fresh()
    world.set_time(0, 0)
    for at_s, person in enumerate(draw_people(rng, 5_000, 1.0)):
        answer = world.answer(person, ROUTES[0], recorder.side_of(person))
        recorder.repeat(world, at_s, person, ROUTES[0], answer)
    for observed in recorder.observed:
        evidence.take(observed)
    votes = evidence.pairs.errors
    count = votes.against + votes.others
    assert count > 300
    assert abs(votes.against - count / 2) < 3 * math.sqrt(count) / 2
