"""What is said of a plan before it starts, against made-up people who behave so."""

import json
import math
import random
from functools import partial

import pytest

from canary.core.arrivals import WEEK_S, Arrivals, ages_of
from canary.core.plans import DEFAULT_STEPS_BP, default_steps
from canary.core.power import PlanPower, Population, power_of
from canary.core.power.chances import (
    binomial,
    bounds,
    chance_of_error_alarm,
    chance_of_latency_alarm,
    chances_to_be_safe,
)
from canary.core.statistics import Evidence
from canary.core.statistics.certificate import MAX_ERRORS, SafeCertificate, Safety
from canary.core.statistics.comparison import LIMITS
from tests.canary.core.crowds import arrivals_of, judged_at, rates_of, share_of_runs
from tests.canary.core.statistics.streams import seen
from tests.slow import slow

DAY_S = 24 * 3600.0
HOUR_S = 3600.0
ERROR_BARRIER = math.log(LIMITS["error"])
LATENCY_BARRIER = math.log(LIMITS["latency"])


def site(people: int, **known: float) -> Population:
    """A week of a site that so many people use, with one request in ten minutes each."""
    rates = rates_of(random.Random(people), people)
    values = {
        "recorded_s": WEEK_S,
        "requests_per_s": sum(rates),
        "judged_share": 1.0,
        "quick_share": 0.0,
        "outcomes": people,
        "failing": 0,
    }
    return Population(arrivals_of(random.Random(1), rates), **{**values, **known})  # type: ignore[arg-type]


def default_plan(population: Population) -> PlanPower:
    told = power_of(DEFAULT_STEPS_BP, WEEK_S, population)
    json.dumps(told.as_json(), allow_nan=False)
    return told


# The curve of who comes


@pytest.mark.parametrize("hours", [0.5, 2, 8, 24])
def test_who_is_judged_in_a_time_is_read_off_when_each_was_seen_last(hours: float) -> None:
    rng = random.Random(3)
    rates = rates_of(rng, 4_000)
    foretold = arrivals_of(rng, rates).judged_within(hours * HOUR_S)
    came = sum(visit.at_s <= hours * HOUR_S for visit in judged_at(rng, rates, 1))
    assert foretold == pytest.approx(came, rel=0.25)


def test_what_is_recorded_of_a_few_hours_is_carried_on_without_ever_new_people() -> None:
    rng = random.Random(4)
    rates = rates_of(rng, 4_000)
    short, whole = arrivals_of(rng, rates, 4 * HOUR_S), arrivals_of(rng, rates)
    for days in (0.5, 1, 3, 7):
        assert short.within(days * DAY_S) == pytest.approx(whole.within(days * DAY_S), rel=0.1)
    assert short.within(100 * DAY_S) == short.population < 1.1 * len(rates)


def test_nothing_is_read_off_a_minute_and_nobody_comes_where_nobody_came() -> None:
    assert ages_of(59) == []
    nobody = Arrivals.of(ages_of(HOUR_S), [0] * len(ages_of(HOUR_S)))
    assert (nobody.population, nobody.until(1), nobody.within(WEEK_S)) == (0, None, 0)


def test_the_curve_is_read_both_ways() -> None:
    curve = Arrivals((0.0, 10.0, 20.0), (0.0, 5.0, 6.0))
    assert [curve.within(seconds) for seconds in (0, 5, 10, 15, 20, 99)] == [0, 2.5, 5, 5.5, 6, 6]
    assert [curve.until(people) for people in (0, 2.5, 5, 5.5, 6, 7)] == [0, 5, 10, 15, 20, None]


# Chances, against draws


@pytest.mark.parametrize(("trials", "chance"), [(0, 0.3), (1, 0.5), (40, 0.1), (3_000, 0.002), (50_000, 0.5)])
def test_the_chances_of_a_count_are_whole_and_around_its_mean(trials: int, chance: float) -> None:
    counts = binomial(trials, chance)
    assert math.fsum(counts.values()) == pytest.approx(1, abs=1e-6)
    assert math.fsum(count * part for count, part in counts.items()) == pytest.approx(trials * chance, rel=1e-6)
    low, high = bounds(counts)
    assert math.fsum(part for count, part in counts.items() if low <= count <= high) >= 0.949


@pytest.mark.parametrize(
    ("people", "weight_bp", "ratio"),
    [slow(400, 1_000, 5.0), (400, 5_000, 5.0), slow(1_500, 5_000, 2.0), slow(300, 9_000, 5.0)],
)
def test_the_chance_to_find_errors_is_how_often_they_are_found(people: int, weight_bp: int, ratio: float) -> None:
    shares = (0.03, 0.03 * ratio)

    def is_found(rng: random.Random) -> bool:
        evidence = Evidence.fresh()
        for number in range(people):
            version = 2 if rng.random() < weight_bp / 10_000 else 1
            if rng.random() < shares[version - 1]:
                evidence.take(seen("error", number, version, weight_bp=weight_bp))
        return evidence.comparison.is_alarm

    foretold = chance_of_error_alarm(people, weight_bp, shares, ERROR_BARRIER)
    assert share_of_runs(400, is_found) == pytest.approx(foretold, abs=0.08)


@pytest.mark.parametrize(
    ("people", "weight_bp", "shift"), [slow(300, 1_000, 0.8), (120, 5_000, 0.6), slow(250, 9_000, 0.5)]
)
def test_the_chance_to_find_latency_is_how_often_it_is_found(people: int, weight_bp: int, shift: float) -> None:
    def is_found(rng: random.Random) -> bool:
        evidence = Evidence.fresh()
        for number in range(people + 20):
            version = 2 if rng.random() < weight_bp / 10_000 else 1
            value = rng.gauss(shift * (version == 2), 1.0)
            evidence.take(seen("latency", number, version, value=value, weight_bp=weight_bp))
        return evidence.comparison.is_alarm

    foretold = chance_of_latency_alarm(people, weight_bp, shift, LATENCY_BARRIER)
    assert share_of_runs(200, is_found) == pytest.approx(foretold, abs=0.15)


def test_the_chance_to_be_safe_is_how_often_the_certificate_was_there() -> None:
    def is_safe_by(judged: int, rng: random.Random) -> bool:
        certificate = SafeCertificate()
        for _ in range(judged):
            certificate.take(on_v2=True, is_failing=rng.random() < 0.02)
            if certificate.against(0.05).is_safe:
                return True
        return False

    foretold = chances_to_be_safe(0.02, lambda clean, failing: Safety(0.05, clean, failing).is_safe)
    for judged in (60, 80, 150, 400):
        assert share_of_runs(400, partial(is_safe_by, judged)) == pytest.approx(foretold[judged], abs=0.08)


def test_nothing_is_found_of_nobody() -> None:
    assert chance_of_error_alarm(0, 1_000, (0.01, 0.05), ERROR_BARRIER) == 0
    assert chance_of_latency_alarm(-20, 1_000, 1.0, LATENCY_BARRIER) == 0


# A plan


def test_half_a_thousand_users_cannot_pass_ten_percent_and_a_plan_that_they_can_is_suggested() -> None:
    """A sound v2 was held at 10 % for ever, with an estimate that receded from one hour to a day."""
    told = default_plan(site(500))
    first = told.steps[0]
    assert (first.can_pass, first.pass_s) == (False, None)
    assert 1_700 < (first.people_needed or 0) < 1_900
    assert (first.users_low or 0) < 50 < (first.users_high or 0)
    assert "The step of 10 % can hardly pass in 28 days" in told.refusal
    assert told.better_steps_bp == (4_000, 5_000, 9_000, 10_000)
    assert "Better: steps of 40,50,90,100 % that last at least 10080 minutes each" in told.refusal
    assert not power_of(told.better_steps_bp, told.better_min_s or 0, site(500)).refusal


def test_the_suggested_plan_passes_and_the_refused_one_does_not() -> None:
    """With a v2 that fails nobody, in four times the minimum time."""

    def passes(rng: random.Random, weight: float) -> bool:
        certificate = SafeCertificate()
        for visit in judged_at(rng, rates_of(rng, 500), weight):
            if visit.at_s < 28 * DAY_S and not certificate.against(MAX_ERRORS).is_safe:
                certificate.take(visit.on_v2, is_failing=False)
        return certificate.against(MAX_ERRORS).is_safe

    assert share_of_runs(100, lambda rng: passes(rng, 0.1)) < 0.05
    assert share_of_runs(100, lambda rng: passes(rng, 0.4)) > 0.8


def test_a_large_site_passes_when_it_is_said_to() -> None:
    rng = random.Random(7)
    rates = rates_of(rng, 4_000)
    population = Population(arrivals_of(rng, rates), WEEK_S, sum(rates), 1.0, 0.0, 4_000, 0)
    told = power_of((1_000, 10_000), HOUR_S, population)
    assert (told.refusal, told.steps[0].can_pass) == ("", True)

    def passed_at(seed: int) -> float:
        certificate = SafeCertificate()
        for visit in judged_at(random.Random(seed), rates, 0.1):
            certificate.take(visit.on_v2, is_failing=False)
            if certificate.against(MAX_ERRORS).is_safe:
                return visit.at_s
        raise AssertionError

    median_s = sorted(passed_at(seed) for seed in range(31))[15]
    assert told.steps[0].pass_s == pytest.approx(median_s, rel=0.35)


def test_more_time_is_suggested_before_more_users() -> None:
    told = power_of((1_000, 5_000, 10_000), 60, site(2_500))
    assert "can hardly pass in 60 min (four times its minimum time, and at least an hour)" in told.refusal
    assert told.better_steps_bp == (1_000, 5_000, 10_000)
    assert HOUR_S < (told.better_min_s or 0) < DAY_S
    assert not power_of(told.better_steps_bp, told.better_min_s or 0, site(2_500)).refusal


def test_where_no_step_can_pass_nothing_is_suggested() -> None:
    told = default_plan(site(60))
    assert "No other steps can pass either" in told.refusal
    assert (told.better_steps_bp, told.better_min_s) == ((), None)


def test_users_who_fail_on_v1_too_leave_no_number_that_is_enough() -> None:
    told = power_of((5_000, 10_000), DAY_S, site(20, outcomes=20, failing=6))
    assert "of users failing and 2.0 % allowed, no number of users is enough" in told.refusal


def test_of_a_new_site_is_said_what_is_not_known_and_nothing_is_refused() -> None:
    told = default_plan(Population())
    assert told.refusal == ""
    assert "No records tell who uses the entrance" in told.known
    assert [step.sentence for step in told.steps] == [f"{n} %: nothing is known." for n in (10, 50, 90, 100)]


def test_what_is_recorded_for_a_day_refuses_no_plan_of_weeks() -> None:
    rates = rates_of(random.Random(5), 300)
    told = default_plan(Population(arrivals_of(random.Random(1), rates, DAY_S), DAY_S, 0.5))
    assert (told.refusal, told.steps[0].can_pass) == ("", None)
    assert "24.0 h of records are too few to say whether it can pass." in told.steps[0].sentence


def test_nobody_foresees_a_week_from_a_few_minutes() -> None:
    told = default_plan(site(5_000, recorded_s=480.0)).steps[0].sentence
    assert told.startswith("10 %: 8 min of records are too few to say how many users of v2 come in 7 days. A total")
    assert "Chances to find" not in told
    assert "about 487 users of v2" in default_plan(site(5_000, recorded_s=DAY_S)).steps[0].sentence


def test_the_last_step_has_nothing_to_pass_on_to() -> None:
    told = power_of((1_000,), WEEK_S, site(500))
    assert (told.refusal, told.steps[0].can_pass) == ("", False)


def test_chances_grow_with_the_effect_and_with_the_number_of_users() -> None:
    few, many = (power_of((5_000, 10_000), DAY_S, site(n, failing=n // 50, log_spread=1.0)) for n in (300, 3_000))
    for less, more in (
        (few.steps[0].found.errors_x2, few.steps[0].found.errors_x5),
        (few.steps[0].found.errors_x5, many.steps[0].found.errors_x5),
        (few.steps[0].found.latency_x1_5, many.steps[0].found.latency_x1_5),
    ):
        assert 0 <= (less or 0) < (more or 0) <= 1
    assert many.steps[1].found.errors_x5 is None
    assert "Nobody is left on v1 to compare with." in many.steps[1].sentence


def test_a_total_failure_is_found_with_the_tenth_answer_or_it_is_said_to_take_long() -> None:
    busy, quiet = (default_plan(site(500, requests_per_s=rate)).steps[0] for rate in (1.0, 0.01))
    assert busy.total_failure_s == 100
    assert "A total failure is found in about 100 s." in busy.sentence
    assert quiet.total_failure_s is None
    assert "v2 has fewer than 10 answers in 30 min, so" in quiet.sentence


@pytest.mark.parametrize(("weight_bp", "steps"), [(0, 4), (999, 4), (1_000, 3), (6_000, 2), (9_999, 1), (10_000, 0)])
def test_a_plan_that_names_no_steps_begins_above_the_weight(weight_bp: int, steps: int) -> None:
    assert default_steps(weight_bp) == list(DEFAULT_STEPS_BP)[len(DEFAULT_STEPS_BP) - steps :]
