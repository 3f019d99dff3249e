"""The breaker about reads that v2 refuses wrongly."""

import pytest

from canary.core.breakers import Limits, Minute, Repeat
from canary.core.breakers.refusals import wrong_refusals

NOW = 600_000.0


def reads(unit: int, count: int = 20, refused: int = 0, ago_s: int = 60) -> Minute:
    return Minute(int(NOW) - ago_s, 2, f"u{unit}", count - refused, 0, count, refused)


def repeat(unit: int, is_wrong: bool = True, ago_s: float = 60) -> Repeat:
    return Repeat(NOW - ago_s, f"u{unit}", is_wrong)


@pytest.mark.parametrize(
    ("refused", "units", "trips"),
    [(1, 20, True), (1, 5, True), (6, 4, False), (0, 20, False)],
)
def test_five_users_and_a_twentieth_of_the_reads_trip(refused: int, units: int, trips: bool) -> None:
    minutes = [reads(unit, refused=refused) for unit in range(20)]
    assert (wrong_refusals([repeat(unit) for unit in range(units)], minutes, Limits(), NOW) is not None) == trips


def test_refusals_that_v1_refuses_too_take_their_share_off() -> None:
    minutes = [reads(unit, refused=2) for unit in range(20)]
    rightly = [repeat(unit, is_wrong=False) for unit in range(5, 20)]
    assert wrong_refusals([repeat(unit) for unit in range(5)], minutes, Limits(), NOW) is not None
    assert wrong_refusals([*(repeat(unit) for unit in range(5)), *rightly], minutes, Limits(), NOW) is None


def test_one_user_s_many_refusals_are_one_user_s() -> None:
    minutes = [reads(0, 10_000, 10_000), *(reads(unit) for unit in range(1, 40))]
    assert wrong_refusals([repeat(0)] * 500, minutes, Limits(), NOW) is None
    others = [repeat(unit) for unit in range(1, 5)]
    assert wrong_refusals([repeat(0)] * 500 + others, minutes, Limits(), NOW) is None


def test_a_quarter_of_an_hour_counts() -> None:
    minutes = [reads(unit, refused=5) for unit in range(5)]
    assert wrong_refusals([repeat(unit, ago_s=900) for unit in range(5)], minutes, Limits(), NOW) is not None
    assert wrong_refusals([repeat(unit, ago_s=901) for unit in range(5)], minutes, Limits(), NOW) is None
    assert wrong_refusals([repeat(unit) for unit in range(5)], [], Limits(), NOW) is None


def test_a_trip_tells_of_how_many_users_and_reads() -> None:
    trip = wrong_refusals(
        [repeat(unit) for unit in range(5)], [reads(unit, refused=5) for unit in range(10)], Limits(), NOW
    )
    assert trip is not None
    assert trip.sentence == (
        "v2 refuses reads that v1 answers: in the last 15 min those of 5 users, about 25.0 % of all reads of v2 with "
        "every user counted alike (rule: 5 users and 5 %)"
    )


@pytest.mark.parametrize(("most_bp", "trips"), [(2_500, True), (2_501, False)])
def test_a_plan_says_which_share_may_be_refused(most_bp: int, trips: bool) -> None:
    minutes = [reads(unit, refused=5) for unit in range(10)]
    limits = Limits(max_refusals_bp=most_bp)
    assert (wrong_refusals([repeat(unit) for unit in range(5)], minutes, limits, NOW) is not None) == trips
