"""The exact tests on pairs of periods: closed forms against plain counting, and what they hold whatever is seen."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.statistics.crossovers import Answered, chance_of, differences, evidence, peak_evidence


def by(*percents: int) -> list[Fraction]:
    return [Fraction(percent, 100) for percent in percents]


def on_v1(failures: int, requests: int = 100) -> Answered:
    return Answered(False, requests, failures)


def on_v2(failures: int, requests: int = 100) -> Answered:
    return Answered(True, requests, failures)


@pytest.mark.parametrize("length", [0, 1, 5, 12])
def test_the_evidence_of_fair_coins_is_one_on_average(length: int) -> None:
    total = sum(evidence(sum(coins), length - sum(coins)) for coins in product((0, 1), repeat=length))
    assert total == 2**length


def test_the_evidence_is_the_mean_capital_of_bets_on_every_chance_above_a_half() -> None:
    steps = 20_000
    chances = [0.5 + (step + 0.5) / (2 * steps) for step in range(steps)]
    mean = sum((2 * q) ** 9 * (2 * (1 - q)) ** 2 for q in chances) / steps
    assert float(evidence(9, 2)) == pytest.approx(mean, rel=1e-6)


def test_the_highest_evidence_counts_after_every_round() -> None:
    bad, good = by(5, 5, 5, 5), by(-5, -5, -5, -5)
    assert peak_evidence([bad, bad]) == evidence(8, 0) > 40
    assert peak_evidence([bad, bad, good, good]) == evidence(8, 0)
    assert peak_evidence([]) == peak_evidence([good]) == 1


@pytest.mark.parametrize("percents", [(9, 3, -2, 5, 0, 5), (-1, -2, 3), (-1, -2, -3, -4, 5)])
def test_the_chance_counts_every_outcome_of_the_coins(percents: tuple[int, ...]) -> None:
    found = by(*percents)
    signed = [difference for difference in found if difference]
    sizes = [abs(difference) for difference in signed]
    ranks = [sum(2 * (other < size) + (other == size) for other in sizes) + 1 for size in sizes]
    seen = sum(rank for rank, difference in zip(ranks, signed, strict=True) if difference > 0)
    outcomes = [
        sum(rank for rank, coin in zip(ranks, coins, strict=True) if coin)
        for coins in product((0, 1), repeat=len(ranks))
    ]
    assert chance_of(found) == Fraction(sum(outcome >= seen for outcome in outcomes), len(outcomes))


def test_nine_bad_pairs_of_nine_come_by_chance_once_in_512() -> None:
    assert chance_of(by(*range(1, 10))) == Fraction(1, 512)
    assert chance_of(by(*[-3] * 9)) == chance_of([]) == chance_of(by(0)) == 1


def test_shares_of_requests_are_compared_and_a_period_without_requests_says_nothing() -> None:
    assert differences([on_v2(1, 10)], [on_v1(50, 1_000)]) == by(5)
    assert differences([on_v1(50, 1_000)], [on_v2(1, 10)]) == by(5)
    assert differences([Answered()], [on_v1(10, 10)]) == differences([on_v2(10, 10)], [Answered()]) == by(0)


def test_what_fails_for_the_others_too_is_taken_off() -> None:
    """An outage in the first period, in which half of the consumers are on v2; one of them fares worse there."""
    first = [on_v2(60), on_v2(40), on_v2(40), on_v1(40), on_v1(40), on_v1(40)]
    second = [on_v1(0), on_v1(0), on_v1(0), on_v2(0), on_v2(0), on_v2(0)]
    assert differences(first, second) == by(20, 0, 0, 0, 0, 0)


def test_the_lower_quartile_is_that_of_the_others() -> None:
    """Of nine consumers, each has eight others; the third smallest share of these counts."""
    first = [on_v2(failures) for failures in (1, 2, 3, 4, 5, 6, 7, 8, 9)]
    second = [on_v1(0)] * 9
    expected = [failures - sorted({*range(1, 10)} - {failures})[2] for failures in range(1, 10)]
    assert differences(first, second) == by(*expected)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), min_size=1, max_size=9), st.data())
def test_another_coin_of_a_consumer_turns_its_sign_and_changes_nothing_else(
    seen: list[tuple[int, int, bool]], data: st.DataObject
) -> None:
    """So the signs are independent fair coins while the version makes no difference."""
    place = data.draw(st.integers(0, len(seen) - 1))

    def found(*, turned: bool) -> list[Fraction]:
        coins = [is_v2 != (turned and number == place) for number, (_, _, is_v2) in enumerate(seen)]
        first = [Answered(coin, 9, failures) for coin, (failures, _, _) in zip(coins, seen, strict=True)]
        second = [Answered(not coin, 9, failures) for coin, (_, failures, _) in zip(coins, seen, strict=True)]
        return differences(first, second)

    before, after = found(turned=False), found(turned=True)
    assert after == [-one if number == place else one for number, one in enumerate(before)]
