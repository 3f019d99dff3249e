"""Who uses the entrance, out of the tables that the recorders write."""

import datetime
from collections.abc import Iterable

import pytest

from canary.core import histograms
from canary.core.arrivals import WEEK_S
from canary.core.power import power_of
from canary.models import MetricBucket, Observation, Rollout, SeenIdentity
from canary.recording.population import arrivals_at, population_at

pytestmark = pytest.mark.django_db
HOUR = datetime.timedelta(hours=1)


def visited(now: datetime.datetime, ages: Iterable[datetime.timedelta]) -> None:
    SeenIdentity.objects.bulk_create(
        SeenIdentity(kind="client", identifier=str(n), last_seen_at=now - age) for n, age in enumerate(ages)
    )


def recorded(at: datetime.datetime, requests: int = 0, *, judged: bool = True, latencies: Iterable[float] = ()) -> None:
    counted: dict[int, int] = {}
    for ms in latencies:
        cell = histograms.cell_of(0, ms)
        counted[cell] = counted.get(cell, 0) + 1
    MetricBucket.objects.create(
        start_at=at,
        worker="1h",
        release=1,
        stage=0,
        weight_bp=0,
        api_version=1,
        route="GET /posts",
        judged=judged,
        requests=requests,
        histogram=histograms.dump(counted),
    )


def rollout_of(now: datetime.datetime, release: int) -> None:
    Rollout.objects.create(pk=1, salt="x", release=release, stage_started_at=now, changed_at=now)


def observed(at: datetime.datetime, unit: str, *metrics: str, **changes: object) -> None:
    values = {"release": 1, "stage": 1, "weight_bp": 0, "api_version": 1, "route": "GET /posts", "network": "n"}
    for metric in metrics:
        row = {**values, "unit": unit, "metric": metric, "is_authenticated": True, "at": at, **changes}
        Observation.objects.create(**row)


def test_of_an_empty_site_nothing_is_known(now: datetime.datetime) -> None:
    population = population_at(now)
    assert (population.arrivals, population.recorded_s, population.outcomes) == (None, 0, 0)
    assert (population.judged_share, population.log_spread, population.requests_per_s) == (None, None, 0)
    assert arrivals_at(now) is None


@pytest.mark.parametrize(("days", "is_known"), [(6, False), (8, True)])
def test_after_a_week_of_records_it_is_known_that_nobody_comes(
    now: datetime.datetime, days: int, is_known: bool
) -> None:
    recorded(now - 24 * days * HOUR, 1)
    told = power_of([1_000, 10_000], 600, population_at(now))
    assert ("0 people used the entrance" in told.known, told.better_steps_bp) == (is_known, ())
    assert ("can hardly pass" in told.refusal) == is_known
    assert arrivals_at(now) is None


def test_people_are_counted_by_when_they_were_seen_last(now: datetime.datetime) -> None:
    recorded(now - datetime.timedelta(days=20))
    visited(now, [*[HOUR / 2] * 3, *[3 * HOUR] * 2, 100 * HOUR, 200 * HOUR])
    arrivals = arrivals_at(now)
    assert arrivals is not None
    assert (arrivals.population, arrivals.times_s[-1]) == (6, WEEK_S)
    assert arrivals.within(WEEK_S / 128) == 3  # 79 minutes
    assert arrivals.within(WEEK_S / 32) == 5  # 5.25 hours


def test_only_what_was_split_says_for_how_long_the_entrance_is_recorded(now: datetime.datetime) -> None:
    recorded(now - datetime.timedelta(days=30), 7, judged=False)
    recorded(now - 10 * HOUR, 7)
    assert population_at(now).recorded_s == 36_000


def test_requests_and_the_spread_of_their_latency_are_of_the_entrance(now: datetime.datetime) -> None:
    recorded(now - 10 * HOUR, 3_600, latencies=[10.0] * 50 + [1_000.0] * 50)
    recorded(now - 5 * HOUR, 50_000, judged=False, latencies=[3.0] * 50)
    population = population_at(now)
    assert population.requests_per_s == pytest.approx(0.1)
    assert population.log_spread == pytest.approx(2.303, abs=0.05)  # half of ln 100


def test_outcomes_are_those_of_people_and_of_the_last_two_releases(now: datetime.datetime) -> None:
    recorded(now - datetime.timedelta(days=8))
    visited(now, [HOUR] * 200)
    rollout_of(now, release=3)
    for n in range(120):
        observed(now - HOUR, f"u{n // 2}", "seen", release=3, identity=f"key {n}")  # two keys of each person
    for n in range(40):
        observed(now - HOUR, f"u{n}", "settled", release=3)
    observed(now - HOUR, "u40", "error", release=3)
    observed(now - HOUR, "u0", "error", release=3)  # its fourth request
    observed(now - HOUR, "u41", "error", release=3, api_version=2)
    for n in range(3):
        observed(now - HOUR, f"old{n}", "error", release=1)
        observed(now - datetime.timedelta(days=8), f"older{n}", "error", release=3)
    population = population_at(now)
    assert (population.outcomes, population.failing) == (41, 1)
    assert population.judged_share == pytest.approx(42 / 120)
    assert (population.quick_share, population.voting_share) == (1, 1)


def test_callers_that_nobody_vouches_for_are_judged_each_and_share_a_vote(now: datetime.datetime) -> None:
    recorded(now - datetime.timedelta(days=8))
    visited(now, [HOUR] * 200)
    rollout_of(now, release=1)
    for n in range(150):
        observed(now - HOUR, f"u{n}", "seen", "error" if n < 20 else "settled", is_authenticated=False)
    population = population_at(now)
    assert (population.outcomes, population.failing) == (150, 1)
    assert population.judged_share == 1
    assert population.voting_share == pytest.approx(1 / 150)


def test_who_takes_long_for_a_third_request_may_be_judged_yet(now: datetime.datetime) -> None:
    recorded(now - datetime.timedelta(days=8))
    visited(now, [HOUR * n / 50 for n in range(500)])
    rollout_of(now, release=1)
    for n in range(200):
        observed(now - 10 * HOUR, f"u{n}", "seen")
    for n in range(60):
        observed(now - 10 * HOUR + HOUR / 4, f"u{n}", "settled")
    population = population_at(now)
    assert population.quick_share == 0
    assert population.judged_share == 1  # 30 % where only 20 % have had the time


def test_what_became_of_a_few_says_nothing_of_the_others(now: datetime.datetime) -> None:
    recorded(now - datetime.timedelta(days=8))
    visited(now, [HOUR] * 99)
    rollout_of(now, release=1)
    for n in range(99):
        observed(now - HOUR, f"u{n}", "seen")
    observed(now - HOUR, "u1", "settled")
    assert population_at(now).judged_share is None
