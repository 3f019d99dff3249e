"""Rules at the very value where they turn: what a test of typical values leaves open."""

import math
from types import SimpleNamespace
from typing import Any

import pytest

from canary.core.chain import COLUMNS, EXACT_INTEGER, canonical
from canary.core.findings import sentence_of_gaps
from canary.core.histograms import SLICES, WIDTH, Histogram, cell_of, quantiles
from canary.core.judgements import ShadowGap, Stage
from canary.core.mapping import Declared, compare
from canary.core.plans import ACTIVE_STATES, DONE, fault_of_steps, is_active, next_step_bp, reached_step
from canary.core.shares import HeavyHitters
from canary.core.statistics.bets import ALPHA, LOG_THRESHOLD, RANK_STAKES, RISK_RATIOS
from canary.core.statistics.certificate import Safety
from canary.core.statistics.comparison import LIMITS, WEIGHTS, Comparison
from canary.core.statistics.effects import latency_ratio
from canary.core.statistics.errors import ErrorTest
from canary.core.statistics.latency import MAX_EARLIER, Earlier
from canary.core.statistics.routes import RouteTests
from canary.core.statistics.sample_ratio import LOG_BROKEN, SampleRatio


@pytest.mark.parametrize(
    ("value", "spelling"),
    [(2.0**53, b"9007199254740992"), (2.0**54, b"1.8014398509481984e+16")],
    ids=["exact", "beyond"],
)
def test_the_largest_exact_number_is_spelled_as_an_integer(value: float, spelling: bytes) -> None:
    assert EXACT_INTEGER == 2**53
    event: dict[str, Any] = {**dict.fromkeys(COLUMNS, ""), "evidence": value}
    assert b'"evidence":' + spelling + b"," in canonical(event)


def test_one_difference_is_told_without_others() -> None:
    gap = ShadowGap("GET /posts", "items[].title", "value", 3)
    assert "in 1 place " in sentence_of_gaps([gap])
    assert "more" not in sentence_of_gaps([gap])
    assert "in 2 places " in sentence_of_gaps([gap, gap])
    assert ", and 1 more" in sentence_of_gaps([gap, gap])


def test_a_quantile_that_falls_between_two_buckets_is_the_upper_edge_of_the_lower_one() -> None:
    histogram: Histogram = {cell_of(0, 0.5): 1, cell_of(0, 10.0): 1}
    found = quantiles(histogram, (0.5,))[0.5]
    assert found is not None
    assert found.value_ms == pytest.approx(1 + WIDTH)


@pytest.mark.parametrize(("slices", "has_interval"), [(SLICES // 4 - 1, False), (SLICES // 4, True)])
def test_an_interval_needs_a_quarter_of_the_slices(slices: int, has_interval: bool) -> None:
    histogram: Histogram = {cell_of(number, 10.0 + number): 1 for number in range(slices)}
    found = quantiles(histogram, (0.5,))[0.5]
    assert found is not None
    assert (found.low_ms is not None) == has_interval


@pytest.mark.parametrize(("weight_bp", "has_control"), [(0, True), (9_999, True), (10_000, False)])
def test_a_control_is_there_until_everybody_is_on_v2(weight_bp: int, has_control: bool) -> None:
    assert Stage(1, weight_bp, 0.0, 0.0, None).has_control == has_control


@pytest.mark.parametrize(
    ("steps_bp", "min_s", "is_sound"),
    [
        ([1], 0, True),
        ([10_000], 366 * 24 * 3600, True),
        ([*range(1, 101)], 0, True),
        ([*range(1, 102)], 0, False),
        ([], 0, False),
        ([0], 0, False),
        ([10_001], 0, False),
        ([1_000, 1_000], 0, False),
        ([5_000, 1_000], 0, False),
        ([1], 366 * 24 * 3600 + 1, False),
        ([1], -1, False),
    ],
    ids=["least", "most", "100 steps", "101", "none", "zero", "above all", "equal", "falling", "too long", "negative"],
)
def test_the_steps_of_a_plan_grow_within_their_limits(steps_bp: list[int], min_s: float, is_sound: bool) -> None:
    assert (fault_of_steps(steps_bp, min_s) is None) == is_sound


def test_the_step_of_a_weight_is_the_last_that_it_has_reached() -> None:
    steps = [1_000, 5_000]
    assert [reached_step(steps, weight) for weight in (999, 1_000, 4_999, 5_000, 10_000)] == [None, 0, 0, 1, 1]
    assert [next_step_bp(steps, weight) for weight in (999, 1_000, 4_999, 5_000)] == [1_000, 5_000, 5_000, None]


def test_a_plan_is_active_until_it_is_done() -> None:
    assert [is_active({"state": state}) for state in (*ACTIVE_STATES, DONE)] == [True, True, True, False]
    assert not is_active(None)


def test_the_chances_of_a_false_alarm_add_up_to_five_percent() -> None:
    assert math.fsum(WEIGHTS.values()) == pytest.approx(1)
    assert math.fsum(1 / limit for limit in LIMITS.values()) == pytest.approx(ALPHA)


@pytest.mark.parametrize("metric", ["pair_error", "pair_time"])
def test_a_test_that_stands_elsewhere_alarms_at_its_own_limit(metric: str) -> None:
    comparison = Comparison(0, 1)
    comparison.join(metric, math.log(LIMITS[metric]) - 1e-9)
    assert not comparison.is_alarm
    comparison.join(metric, math.log(LIMITS[metric]) + 1e-9)
    assert comparison.is_alarm


def test_a_share_is_safe_at_the_threshold() -> None:
    """All clean: 3/4 of the capital bets on a tenth of the limit, 1/4 on half of it."""
    by_hand = 0.75 * (0.998 / 0.98) ** 100 + 0.25 * (0.99 / 0.98) ** 100
    assert math.exp(Safety(0.02, 100, 0).log_e) == pytest.approx(by_hand)


def test_evidence_at_its_threshold_is_enough() -> None:
    comparison, ratio = Comparison(0, 1), SampleRatio()
    comparison.peak, ratio.peak = LOG_THRESHOLD, LOG_BROKEN
    assert comparison.is_alarm
    assert ratio.is_broken
    comparison.peak, ratio.peak = math.nextafter(LOG_THRESHOLD, 0), math.nextafter(LOG_BROKEN, 0)
    assert not comparison.is_alarm
    assert not ratio.is_broken


def test_the_interval_of_a_ratio_of_latencies_is_the_usual_one() -> None:
    v1, v2 = (2, 2.0, 4.0), (2, 4.0, 10.0)  # logarithms 0 and 2, and 1 and 3
    effect = latency_ratio([(v1, v2)])
    half = 1.96 * math.sqrt(2)
    assert effect == pytest.approx([math.exp(1), math.exp(1 - half), math.exp(1 + half)])


def test_ranks_are_taken_among_the_latest() -> None:
    earlier = Earlier()
    for value in range(MAX_EARLIER + 1):
        earlier.add(float(value), on_v2=True)
    assert len(earlier.arrived) == len(earlier.ordered) == MAX_EARLIER
    assert earlier.ordered[0] == 1.0


def test_equal_latencies_have_the_middle_rank() -> None:
    earlier = Earlier()
    for _ in range(30):
        earlier.add(9.0, on_v2=False)
    assert earlier.rank(9.0) == 0.5
    assert earlier.rank(8.0) == pytest.approx(0.5 / 31)
    assert earlier.rank(10.0) == pytest.approx(30.5 / 31)


def test_a_route_is_listed_from_the_level_of_its_rank_on() -> None:
    """Of two routes e-BH asks the first for 2 / ALPHA: it has to reach that, not to pass it."""
    reached = next(log_e for log_e in _near(math.log(2 / ALPHA)) if ALPHA * math.exp(log_e) == 2.0)
    assert _are_harmed(reached) == [True, False]
    assert _are_harmed(reached - 1e-9) == [False, False]


def _are_harmed(log_e: float) -> list[bool]:
    routes = RouteTests()
    for route, each in (("GET /posts", log_e), ("GET /tags", 0.0)):
        routes.grow_errors(route, [each] * len(RISK_RATIOS))
        routes.grow_latency(route, [each] * len(RANK_STAKES))
    return [route.is_harmed for route in routes.ranked()]


def _near(value: float) -> list[float]:
    """Floats around `value`: in one of them the logarithm and back comes out even."""
    found, below, above = [value], value, value
    for _ in range(200):
        below, above = math.nextafter(below, -math.inf), math.nextafter(above, math.inf)
        found += [below, above]
    return found


def test_a_newcomer_costs_everybody_one_when_no_place_is_left() -> None:
    hitters: HeavyHitters[str] = HeavyHitters(size=2)
    for key in "aab":
        hitters.add(key)
    hitters.add("c")
    assert hitters.top() == ("a", 1)
    hitters.add("a")
    assert hitters.top() == ("a", 2)


def test_the_relative_certificate_grows_by_failures_of_v1_and_shrinks_by_those_of_v2() -> None:
    on_v1, on_v2 = ErrorTest(1.0), ErrorTest(1.0)
    on_v1.take(5_000, (0, 10_000), on_v2=False)
    on_v2.take(5_000, (0, 10_000), on_v2=True)
    assert on_v2.log_safe < 0 < on_v1.log_safe


@pytest.mark.parametrize(
    ("on_v1", "on_v2", "is_equal"),
    [
        ("published", "scheduled", True),
        ("published", "published", True),
        ("draft", "draft", True),
        ("draft", "scheduled", False),
    ],
)
def test_what_waits_for_its_date_is_published_in_v1s_words(on_v1: str, on_v2: str, is_equal: bool) -> None:
    declared = Declared.of(
        SimpleNamespace(
            ROUTES=(), SHAPES={"post": ({"v1": "status", "v2": "state", "rule": "state"},)}, V2_ONLY={"post": ()}
        )
    )
    route = {"answers": ({"shape": "post", "v1": "/data", "v2": "", "is_same_order": True},)}
    assert (not compare(declared, route, {"data": {"status": on_v1}}, {"state": on_v2})) == is_equal
