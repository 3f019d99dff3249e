"""Short and long forms of the rows about crossovers. The seeds are fixed; the bounds of the short ones are binomial."""

import pytest

from canary.core.crossover_verdict import HARM
from tests.simulation.crossover import ROWS, Case, Trials, play, run_crossovers
from tests.simulation.loop.cases import at_least, at_most

SHORT = 60


def row(name: str) -> Trials:
    case, runs = ROWS[name]
    return run_crossovers(case, runs, f"1 {name}")


def test_five_fold_errors_of_twelve_clients_are_found_in_ninety_percent() -> None:
    trials = run_crossovers(Case(errors=5), SHORT, "short")
    assert len(trials.harmed_after) >= at_least(SHORT, 0.9)


@pytest.mark.parametrize("case", [Case(), Case(outage=0.5), Case(errors=0.5)], ids=["sound", "outages", "better"])
def test_a_sound_version_is_harmed_in_at_most_five_percent(case: Case) -> None:
    assert len(run_crossovers(case, SHORT, "short").harmed_after) <= at_most(SHORT, 0.05)


def test_harm_to_a_single_client_is_told_by_its_name_after_the_last_pair() -> None:
    verdict = play(Case(errors=20, harmed=1), "one")
    assert (verdict.kind, verdict.is_over) == (HARM, True)
    assert [one.consumer for one in verdict.consumers if one.verdict == HARM] == ["key:0"]
    assert "v2 harms key:0: " in verdict.sentence


@pytest.mark.soak
def test_five_fold_errors_are_found_in_nine_of_ten_of_a_thousand_crossovers() -> None:
    trials = row("crossover: errors × 5")
    assert trials.runs == 1_000
    assert trials.rate >= 0.9


@pytest.mark.soak
@pytest.mark.parametrize("name", ["sound", "sound, an outage of both in every second period", "better, errors × 0.5"])
def test_a_sound_version_is_harmed_in_at_most_five_percent_of_a_thousand_crossovers(name: str) -> None:
    trials = row(f"crossover: {name}")
    assert trials.runs == 1_000
    assert trials.rate <= 0.05
