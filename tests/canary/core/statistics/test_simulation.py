"""Made-up releases through the real statistics: how often identical versions alarm, and whether harm is found.

The seeds are fixed, so these fail only when the code changes. The long ones are rows of the table of `make simulate`; the
bounds of the short ones are binomial: a test of another seed would fail in less than one percent of cases.
"""

import random

import pytest

from canary.core.statistics import Evidence
from tests.simulation.population import Release, Truth, draw_release
from tests.simulation.rare import rolled_back
from tests.simulation.rules import minute_of_threshold, minute_of_z_test
from tests.simulation.trials import ROWS, SEED, Trials, judged, run_trials

IDENTICAL = Truth()
FIVE_FOLD = Truth(errors=5)
BETTER = Truth(errors=0.5, latency=0.8)


@pytest.fixture(scope="module")
def five_fold() -> Release:
    return draw_release(random.Random("five-fold"), FIVE_FOLD)


def swapped(release: Release) -> Release:
    """The same release with the labels exchanged: v1 is the one that fails, and has v2's chances."""
    observations = [
        (at, seen._replace(api_version=3 - seen.api_version, weight_bp=10_000 - seen.weight_bp))
        for at, seen in release.observations
    ]
    return Release(observations, release.minutes)


def test_identical_versions_rarely_alarm() -> None:
    """20 at 5 %: P(more than 4) = 0.3 %."""
    trials = run_trials(IDENTICAL, 20, "short", with_rules=False)
    assert len(trials.alarms) <= 4
    assert trials.guards <= 4


@pytest.mark.slow
def test_five_fold_errors_are_nearly_always_found() -> None:
    """12 at 95 %: P(fewer than 9) = 0.2 %."""
    assert len(run_trials(FIVE_FOLD, 12, "short", with_rules=False).alarms) >= 9


def test_half_as_much_latency_again_is_found_within_the_first_stage() -> None:
    trials = run_trials(Truth(latency=1.5), 4, "short", with_rules=False)
    assert len(trials.alarms) == 4
    assert trials.median_min is not None
    assert trials.median_min < 60


@pytest.mark.slow
def test_a_better_version_is_never_rolled_back_and_is_mostly_safe_in_time() -> None:
    trials = run_trials(BETTER, 8, "short", with_rules=False)
    assert trials.alarms == []
    assert trials.safe >= 5


@pytest.mark.slow
def test_a_cold_start_of_each_step_is_not_mistaken_for_a_slower_version() -> None:
    """10 at 5 %: P(more than 3) = 0.1 %."""
    assert len(run_trials(Truth(cold=2), 10, "short", with_rules=False).alarms) <= 3


def test_the_right_version_is_blamed(five_fold: Release) -> None:
    assert judged(five_fold, "").alarm_min is not None
    assert judged(swapped(five_fold), "").alarm_min is None


def test_a_release_replayed_in_pieces_has_the_same_evidence_to_the_last_bit(five_fold: Release) -> None:
    whole, pieces, rng = Evidence.fresh("x"), Evidence.fresh("x"), random.Random(1)
    for _, observed in five_fold.observations:
        whole.take(observed)
        if rng.random() < 0.003:
            pieces = Evidence.load(pieces.dump())
        pieces.take(observed)
    assert pieces.log_e() == whole.log_e()
    assert pieces.dump() == whole.dump()


def test_the_usual_rules_see_the_same_requests() -> None:
    minutes = [[[100, 1], [10, 0]] for _ in range(20)]
    assert (minute_of_threshold(minutes), minute_of_z_test(minutes)) == (None, None)
    failing = minutes[:5] + [[[100, 1], [10, 1]] for _ in range(15)]
    assert minute_of_threshold(failing) == 20
    assert minute_of_z_test(failing) is not None


def test_the_first_failures_alone_tell_as_much_of_errors_as_whole_releases() -> None:
    """20 of each: a fivefold rate is found in 95 % or more, and a better version isn't rolled back."""
    assert rolled_back(FIVE_FOLD, 20, "short") >= 16
    assert rolled_back(BETTER, 20, "short") == 0


def row(name: str) -> Trials:
    truth, runs = ROWS[name]
    return run_trials(truth, runs, f"{SEED} {name}", with_rules=False)


@pytest.mark.soak
def test_two_thousand_identical_releases_alarm_in_at_most_six_percent() -> None:
    trials = row("identical")
    assert trials.runs == 2_000
    assert trials.rate <= 0.06
    assert trials.guards / trials.runs <= 0.06


@pytest.mark.soak
def test_a_cold_start_of_each_step_alarms_in_at_most_five_percent() -> None:
    assert row("cold: latency × 2 for 3 min after each step").rate <= 0.05


@pytest.mark.soak
def test_five_fold_refusals_are_held_and_not_rolled_back() -> None:
    trials = row("refusals × 5")
    assert trials.rate <= 0.06
    assert trials.held / trials.runs >= 0.95


@pytest.mark.soak
def test_five_fold_errors_are_found_in_at_least_ninety_five_percent() -> None:
    trials = row("errors × 5")
    assert trials.runs == 600
    assert trials.rate >= 0.95


@pytest.mark.soak
def test_a_better_version_is_never_rolled_back_in_three_hundred_releases() -> None:
    trials = row("better: errors × 0.5, latency - 20 %")
    assert trials.runs == 300
    assert trials.alarms == []


@pytest.mark.soak
def test_a_better_version_is_rolled_back_in_fewer_than_one_of_a_thousand_releases() -> None:
    assert rolled_back(BETTER, 4_000, "rare") <= 3
