"""The breaker about latency: three windows running, enough requests of enough users, and no single one of them."""

import math
import random
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from canary.core.breakers import Limits, RouteWindow
from canary.core.breakers.latency import LEFT_OUT, slow_routes
from canary.core.histograms import SLICES, Histogram, add, cell_of, spread
from canary.core.judgements import Stage

NOW = 10_000 * 300.0
LIMITS = Limits()
ROUTE = "GET /posts"
FULL = Stage(4, 10_000, NOW - 7_200, 0.0, None)
TENTH = Stage(1, 1_000, NOW - 7_200, 0.0, None)


def window(version: int, p95_ms: float, ago: int = 1, **changes: object) -> RouteWindow:
    known = RouteWindow(int(NOW) - 300 * ago, version, ROUTE, 100, 10, p95_ms, p95_ms * 0.9, p95_ms * 1.1)
    return known._replace(**changes)  # type: ignore[arg-type]


def both(v2_ms: float, v1_ms: float = 100, **changes: object) -> list[RouteWindow]:
    return [
        one
        for ago in (1, 2, 3)
        for one in (window(1, v1_ms, ago, high_ms=v1_ms), window(2, v2_ms, ago, **{"low_ms": v2_ms, **changes}))
    ]


@pytest.mark.parametrize(("v2_ms", "trips"), [(100, False), (300, False), (301, True), (30, False)])
def test_more_than_three_times_v1_s_p95_trips(v2_ms: float, trips: bool) -> None:
    assert (slow_routes(both(v2_ms), TENTH, LIMITS, NOW) is not None) == trips


def test_another_slowdown_can_be_declared() -> None:
    assert slow_routes(both(210), TENTH, Limits(max_slowdown=2), NOW) is not None
    assert slow_routes(both(900), TENTH, Limits(max_slowdown=10), NOW) is None


@pytest.mark.parametrize("changes", [{"requests": 99}, {"units": 9}, {"low_ms": 290}])
def test_too_few_requests_or_users_say_nothing(changes: dict[str, object]) -> None:
    assert slow_routes(both(900, **changes), TENTH, LIMITS, NOW) is None


@pytest.mark.parametrize("missing", [0, 1, 2, 3, 4, 5])
def test_a_window_that_is_missing_breaks_the_row(missing: int) -> None:
    windows = both(900)
    del windows[missing]
    assert slow_routes(windows, TENTH, LIMITS, NOW) is None


def test_what_is_over_for_more_than_a_window_is_over() -> None:
    assert slow_routes(both(900), TENTH, LIMITS, NOW + 360) is not None
    assert slow_routes(both(900), TENTH, LIMITS, NOW + 361) is None


def test_the_route_that_is_slowed_down_the_most_is_told() -> None:
    worse = [one._replace(route="GET /tags") for one in both(1_500)]
    trip = slow_routes([*both(900), *worse], TENTH, LIMITS, NOW)
    assert trip is not None
    assert (trip.breaker, trip.numbers["route"], trip.numbers["routes"]) == ("latency", "GET /tags", 2)
    assert (
        "v2 is too slow on GET /tags: its p95 of the last five minutes is 1500 ms, 15.0 times the 100 ms of v1 (rule: "
        in (trip.sentence)
    )


@pytest.mark.parametrize(
    ("before", "trips"),
    [
        ([window(2, 100, 30, is_present=False)], True),
        ([window(2, 500, 30, is_present=False)], False),
        ([window(2, 100, 30, is_present=False), window(2, 500, 31, is_present=False)], False),
        ([window(1, 100, 30, is_present=False)], True),
        ([window(2, 500, 30, is_present=False), window(1, 100, 30, is_present=False)], False),
        ([], False),
    ],
    ids=["v2 was quicker", "v2 was as slow", "slow once", "v1 was quicker", "v2 before v1", "nothing is known"],
)
def test_at_100_percent_a_route_is_compared_with_itself_before_the_step(before: list[RouteWindow], trips: bool) -> None:
    alone = [one for one in both(900) if one.api_version == 2]
    assert (slow_routes([*alone, *before], FULL, LIMITS, NOW) is not None) == trips


def drawn(rng: random.Random, users: int, ratio: float = 1.0, slow: int = 0) -> Histogram:
    """Ten requests of each user, whose speeds differ, with long tails; the first `slow` ones are 100 times slower."""
    histogram: Histogram = {}
    for number in range(users):
        own = rng.gauss(0.0, 0.3) + math.log(30 * ratio * (100 if number < slow else 1))
        slice_number = rng.randrange(SLICES)
        for _ in range(10):
            tail = rng.expovariate(1.0) if rng.random() < 0.1 else 0.0
            cell = cell_of(slice_number, math.exp(own + rng.gauss(0.0, 0.4) + tail))
            histogram[cell] = histogram.get(cell, 0) + 1
    return histogram


def windows_of(
    rng: random.Random,
    users: tuple[int, int],
    ratio: float = 1.0,
    slow: int = 0,
    more: Mapping[int, Histogram] = MappingProxyType({}),
) -> list[RouteWindow]:
    made = []
    for ago in (1, 2, 3):
        for version, count in zip((1, 2), users, strict=True):
            is_v2 = version == 2
            histogram = drawn(rng, count, ratio if is_v2 else 1.0, slow if is_v2 else 0)
            add(histogram, more.get(version, {}))
            found = spread(histogram, 0.95, LEFT_OUT)
            assert found is not None
            summed = (found.requests, found.slices, found.value_ms, found.low_ms, found.high_ms)
            made.append(RouteWindow(int(NOW) - 300 * ago, version, ROUTE, *summed))
    return made


def trips_in(runs: int, users: tuple[int, int], ratio: float = 1.0, slow: int = 0) -> int:
    rng = random.Random(f"{users} {ratio} {slow}")
    return sum(slow_routes(windows_of(rng, users, ratio, slow), TENTH, LIMITS, NOW) is not None for _ in range(runs))


@pytest.mark.parametrize("users", [(12, 12), (100, 12), (12, 100)])
def test_equal_versions_with_long_tails_never_trip(users: tuple[int, int]) -> None:
    assert trips_in(100, users) == 0


@pytest.mark.parametrize("slow", [1, LEFT_OUT, 6])
def test_a_few_slow_users_do_not_trip_and_ten_times_the_latency_does(slow: int) -> None:
    assert trips_in(50, (100, 15), slow=slow) == 0
    assert trips_in(50, (100, 15), ratio=10) == 50


@pytest.mark.parametrize(("version", "own_ms", "times"), [(1, 400, 20), (1, 4_000, 2_000), (2, 5, 3_500)])
def test_nobody_hides_ten_times_the_latency_by_requests_of_their_own(version: int, own_ms: float, times: int) -> None:
    """Dear ones on v1 or cheap ones on v2, however many, are those of one user."""
    rng = random.Random(f"{version} {own_ms}")
    stranger = {cell_of(rng.randrange(SLICES), own_ms): times}
    windows = windows_of(rng, (40, 40), ratio=10, more={version: stranger})
    assert slow_routes(windows, TENTH, LIMITS, NOW) is not None


@pytest.mark.parametrize("slow", [0, 1, 4])
def test_few_slices_move_no_median(slow: int) -> None:
    own = {cell_of(number, 1_000): 5_000 for number in range(slow)}
    found = spread(own | {cell_of(number, 10): 50 for number in range(slow, 10)}, 0.95, LEFT_OUT)
    assert found is not None
    assert found.slices == 10
    assert (found.low_ms, found.value_ms) == pytest.approx((10, 10), rel=0.1)


def test_the_range_is_that_without_the_least_and_the_most() -> None:
    found = spread({cell_of(number, 10 * 2**number): 9 for number in range(9)}, 0.95, LEFT_OUT)
    assert found is not None
    assert (found.low_ms, found.value_ms, found.high_ms) == pytest.approx((40, 160, 640), rel=0.1)
    assert spread({}, 0.95, LEFT_OUT) is None
