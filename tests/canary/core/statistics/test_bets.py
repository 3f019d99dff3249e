"""No bet gains on average while v2 is not worse: the one property that every claim about alarms rests on."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.statistics.bets import (
    RISK_RATIOS,
    error_factors,
    latency_factors,
    log_mean_exp,
    log_weighted,
    tilt,
)
from canary.core.statistics.certificate import BETS, Safety
from canary.core.statistics.comparison import LIMITS
from canary.core.statistics.errors import ErrorTest
from canary.core.statistics.sample_ratio import SampleRatio

RANGES = st.tuples(st.integers(0, 9_998), st.integers(1, 5_000), st.integers(1, 5_000)).map(
    lambda parts: (parts[0], min(9_999, parts[0] + parts[1]), min(10_000, parts[0] + parts[1] + parts[2]))
)
RANKS = st.floats(0.001, 0.999)
CHANCES = st.floats(0.0001, 0.9999)


@given(RANGES)
def test_an_event_of_equal_versions_multiplies_each_bet_by_one_on_average(limits: tuple[int, int, int]) -> None:
    low, weight, high = limits
    factors = error_factors(weight, low, high, 1.0)
    for on_v2, on_v1 in zip(factors.if_v2, factors.if_v1, strict=True):
        mean = factors.chance * math.exp(on_v2) + (1 - factors.chance) * math.exp(on_v1)
        assert mean == pytest.approx(1, abs=1e-9)


@given(RANGES, st.floats(0.01, 1.0), st.floats(1.0, 1.4))
def test_a_better_or_tolerated_v2_never_makes_a_bet_gain(
    limits: tuple[int, int, int], better: float, margin: float
) -> None:
    low, weight, high = limits
    factors = error_factors(weight, low, high, margin)
    chance = tilt(factors.chance, better * margin)
    for on_v2, on_v1 in zip(factors.if_v2, factors.if_v1, strict=True):
        assert chance * math.exp(on_v2) + (1 - chance) * math.exp(on_v1) <= 1 + 1e-9


@given(RANGES)
def test_the_relative_certificate_gains_nothing_while_v2_is_twice_as_bad(limits: tuple[int, int, int]) -> None:
    low, weight, high = limits
    factors = error_factors(weight, low, high, 1.0)
    bad = tilt(factors.chance, 2.0)
    mean = bad * math.exp(factors.safe_if_v2) + (1 - bad) * math.exp(factors.safe_if_v1)
    assert mean == pytest.approx(1, abs=1e-9)


@given(RANKS, CHANCES)
def test_a_rank_of_equal_versions_multiplies_each_bet_by_one_on_average(rank: float, chance: float) -> None:
    slower, faster = (latency_factors(rank, chance, on_v2) for on_v2 in (True, False))
    for on_v2, on_v1 in zip(slower, faster, strict=True):
        assert chance * math.exp(on_v2) + (1 - chance) * math.exp(on_v1) == pytest.approx(1, abs=1e-9)


@given(RANKS, CHANCES, st.booleans())
def test_a_route_of_one_version_alone_multiplies_each_bet_by_one_on_average(
    rank: float, chance: float, on_v2: bool
) -> None:
    """Whatever the versions' shares of a route: a rank is as often so high as so low while nothing becomes slower."""
    high, low = (latency_factors(r, chance, on_v2) for r in (rank, 1 - rank))
    for one, other in zip(high, low, strict=True):
        assert (math.exp(one) + math.exp(other)) / 2 == pytest.approx(1, abs=1e-9)


@given(st.lists(RANKS, min_size=2, max_size=2).map(sorted), CHANCES)
def test_a_slower_answer_speaks_more_against_the_version_that_gave_it(ranks: list[float], chance: float) -> None:
    (fast_v2, slow_v2), (fast_v1, slow_v1) = ([latency_factors(r, chance, on) for r in ranks] for on in (True, False))
    assert all(a <= b + 1e-12 for a, b in zip(fast_v2, slow_v2, strict=True))
    assert all(a >= b - 1e-12 for a, b in zip(fast_v1, slow_v1, strict=True))


@given(st.floats(0.001, 0.5), st.floats(0, 1), st.sampled_from(BETS))
def test_the_certificate_gains_nothing_while_the_share_is_the_limit_or_more(
    limit: float, above: float, bet: tuple[float, float]
) -> None:
    share, _, part = limit + (1 - limit) * above, *bet
    assert share * part + (1 - share) * (1 - part * limit) / (1 - limit) <= 1 + 1e-9
    assert sum(stake for stake, _ in BETS) == 1


@given(st.floats(0.005, 0.3), st.integers(0, 400), st.integers(0, 5))
def test_what_the_certificate_says_is_missing_is_enough_and_not_one_too_many(
    limit: float, clean: int, failing: int
) -> None:
    safety = Safety(limit, clean, failing)
    missing = safety.clean_missing
    assert safety.is_safe == (missing == 0)
    assert safety._replace(clean=clean + missing).is_safe
    assert not missing or not safety._replace(clean=clean + missing - 1).is_safe


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 9_999))
def test_the_sample_ratio_is_the_beta_binomial_one_in_whatever_order(sides: list[bool], weight_bp: int) -> None:
    ratio = SampleRatio()
    for on_v2 in sides:
        ratio.take(weight_bp, (0, 10_000), on_v2)
    v2, v1, share = sum(sides), len(sides) - sum(sides), weight_bp / 10_000
    beta = math.lgamma(1 + v2) + math.lgamma(1 + v1) - math.lgamma(2 + len(sides))
    assert ratio.log_e == pytest.approx(beta - v2 * math.log(share) - v1 * math.log(1 - share), abs=1e-8)


@pytest.mark.parametrize(("limit", "clean", "with_one_failing"), [(0.05, 70, 118), (0.02, 177, 300), (0.01, 355, 602)])
def test_as_many_clean_users_are_needed_as_was_published(limit: float, clean: int, with_one_failing: int) -> None:
    assert Safety(limit, 0, 0).clean_missing == clean
    assert Safety(limit, 0, 1).clean_missing == with_one_failing


def test_users_who_fail_too_often_never_make_it_safe() -> None:
    safety = Safety(0.02, 900, 100)
    assert safety.missing(0.1) is None
    assert safety.missing(0.01) is not None


def test_three_failing_users_in_a_row_on_a_tenth_are_chance_and_four_are_enough() -> None:
    test = ErrorTest()
    values = []
    for _ in range(4):
        test.take(1_000, (0, 10_000), True)
        values.append(math.exp(test.log_e))
    # By hand: what is staked on r grows by 10 r / (r + 9) each time.
    stakes = list(zip((0.3, 0.4, 0.2, 0.08, 0.02), RISK_RATIOS, strict=True))
    by_hand = [sum(stake * (10 * r / (r + 9)) ** n for stake, r in stakes) for n in (1, 2, 3, 4)]
    assert values == pytest.approx(by_hand)
    assert values[2] < LIMITS["error"] / 2
    assert values[3] > LIMITS["error"]
    assert all(a < b for a, b in pairwise(values))


@given(st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=6))
def test_mixtures_lie_between_their_parts_however_large_they_are(logs: list[float]) -> None:
    mixed = log_weighted((1 / len(logs), log) for log in logs)
    assert min(logs) - 1e-6 <= mixed <= max(logs) + 1e-6
    assert mixed == pytest.approx(log_mean_exp(logs))
