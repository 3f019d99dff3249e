"""The breaker about workers that die with v2 in flight."""

import pytest

from canary.core.breakers import Crash, Limits
from canary.core.breakers.crashes import crashed_workers

NOW = 600_000.0


def crash(death: int, ago_s: float = 1) -> Crash:
    return Crash(NOW - ago_s, f"host:{death}:1", 2)


@pytest.mark.parametrize(
    ("crashes", "trips"),
    [
        ([crash(1), crash(2)], False),
        ([crash(1), crash(2), crash(3)], True),
        ([crash(1), crash(1), crash(2), crash(2)], False),
        ([crash(1), crash(2), crash(3, ago_s=600)], True),
        ([crash(1), crash(2), crash(3, ago_s=601)], False),
    ],
    ids=["two", "three", "two of several rows", "within ten minutes", "not within ten minutes"],
)
def test_three_deaths_within_ten_minutes_trip(crashes: list[Crash], trips: bool) -> None:
    assert (crashed_workers(crashes, Limits(), NOW) is not None) == trips


def test_a_trip_tells_how_many_died() -> None:
    trip = crashed_workers([crash(1), crash(2), crash(3), crash(3)], Limits(), NOW)
    assert trip is not None
    assert trip.sentence == (
        "v2 takes workers down: 3 died within the last 10 min while they answered 8 requests of v2 "
        "(rule: more than 2 within 10 min)"
    )


@pytest.mark.parametrize(("most", "trips"), [(0, True), (1, False)])
def test_a_plan_says_how_many_may_die(most: int, trips: bool) -> None:
    assert (crashed_workers([crash(1)], Limits(max_crashes=most), NOW) is not None) == trips
