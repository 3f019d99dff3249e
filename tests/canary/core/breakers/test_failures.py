"""The breakers about failed answers, case by case and at their edges."""

from collections.abc import Iterable

import pytest

from canary.core.breakers import Limits, Minute
from canary.core.breakers.failures import declared_limit, shared_harm, total_failure
from canary.core.judgements import Stage

NOW = 100_000 * 60.0
LIMITS = Limits()


def minute(unit: int, answers: int = 1, failures: int = 0, *, version: int = 2, ago: int = 1) -> Minute:
    return Minute(int(NOW) - 60 * ago, version, f"{unit:032x}", answers, failures, answers)


def crowd(units: int, failing: int, *, version: int, ago: int = 1) -> list[Minute]:
    """The first ones fail once of two times."""
    first = 1_000 * version
    return [minute(first + n, 2, int(n < failing), version=version, ago=ago) for n in range(units)]


def stage(weight_bp: int = 1_000, age_min: float = 60) -> Stage:
    return Stage(1, weight_bp, NOW - 60 * age_min, 0.0, None)


@pytest.mark.parametrize(
    ("minutes", "trips"),
    [
        ([minute(1, 9, 9)], False),
        ([minute(1, 10, 10)], True),
        ([minute(1, 10, 9)], True),
        ([minute(1, 10, 8)], False),
        ([minute(unit, 1, 1) for unit in range(10)], True),
        ([minute(unit, 1, 1) for unit in range(9)], False),
        ([minute(1, 5, 5), minute(1, 5, 5, ago=4)], True),
        ([minute(1, 10, 10, ago=6)], False),
        ([minute(1, 4, 4), minute(1, 6, 6, ago=29)], True),
        ([minute(1, 4, 4), minute(1, 6, 6, ago=31)], False),
        ([minute(1, 4, 4), minute(2, 6, 6, ago=29)], False),
        ([minute(1, 10, 10), minute(1, 90, ago=20)], True),
    ],
    ids=[
        *("nine answers", "ten answers", "nine of ten", "eight of ten", "ten users", "nine users"),
        *("ten in five minutes", "ten before that", "few in half an hour", "longer ago", "of others", "since lately"),
    ],
)
def test_total_failure_takes_ten_answers_nine_of_which_failed(minutes: list[Minute], trips: bool) -> None:
    assert (total_failure(minutes, stage(), LIMITS, NOW) is not None) == trips


@pytest.mark.parametrize(("total_bp", "trips"), [(8_000, True), (8_001, False)])
def test_a_plan_says_which_share_is_total(total_bp: int, trips: bool) -> None:
    limits = Limits(total_failure_bp=total_bp)
    assert (total_failure([minute(1, 10, 8)], stage(), limits, NOW) is not None) == trips


def test_one_user_who_always_fails_does_not_make_a_total_failure() -> None:
    """As an attacker does: two hundred keys of one owner are one unit."""
    assert total_failure([minute(1, 1_000, 1_000), minute(2)], stage(), LIMITS, NOW) is None


@pytest.mark.parametrize(("age_s", "users", "trips"), [(44, 1, False), (45, 1, True), (5, 2, True)])
def test_one_user_is_waited_for_others_at_the_beginning_of_a_stage(age_s: float, users: int, trips: bool) -> None:
    minutes = [minute(unit, 10, 10) for unit in range(users)]
    assert (total_failure(minutes, stage(age_min=age_s / 60), LIMITS, NOW) is not None) == trips


def test_one_user_who_never_fails_does_not_hide_a_total_failure() -> None:
    harmed = [minute(unit, 1, 1) for unit in range(2, 12)]
    assert total_failure([minute(1, 1_000), *harmed], stage(), LIMITS, NOW) is not None


@pytest.mark.parametrize(("failures", "trips"), [(0, True), (4, True), (5, False), (10, False)])
def test_while_v1_fails_half_as_much_nothing_is_concluded(failures: int, trips: bool) -> None:
    stable = [minute(100 + n, 1, int(n < failures), version=1) for n in range(10)]
    assert (total_failure([minute(1, 10, 10), *stable], stage(), LIMITS, NOW) is not None) == trips


def test_a_total_failure_is_told_with_its_numbers_and_its_rule() -> None:
    trip = total_failure([minute(1, 6, 6), minute(2, 6, 6), minute(3, 5, version=1)], stage(), LIMITS, NOW)
    assert trip is not None
    assert trip.sentence == (
        "v2 fails totally: in the last 5 min 12 of 12 answers to 2 users failed, 100.0 % with every user counted "
        "alike, on v1 0.0 % (rule: 90 % or more of at least 10 answers, and v1 fails less than half as much)"
    )
    assert trip.numbers == {"answers": 12, "failures": 12, "units": 2, "share": 1.0, "share_v1": 0.0}


@pytest.mark.parametrize(
    ("units", "failing", "trips"),
    [
        (1, 1, False),
        (2, 2, False),
        (3, 3, True),
        (100, 7, False),
        (100, 8, True),
        (1_000, 30, False),
        (1_000, 40, True),
    ],
)
def test_the_declared_limit_is_exceeded_beyond_chance(units: int, failing: int, trips: bool) -> None:
    minutes = [*crowd(units, failing, version=2), *crowd(2_000, 4, version=1)]
    assert (declared_limit(minutes, [], stage(), LIMITS, NOW) is not None) == trips


def test_another_limit_can_be_declared() -> None:
    minutes = crowd(100, 10, version=2) + crowd(2_000, 4, version=1)
    assert declared_limit(minutes, [], stage(), Limits(max_errors_bp=500), NOW) is None
    assert declared_limit(minutes, [], stage(), Limits(max_errors_bp=50), NOW) is not None


def test_one_user_may_fail_as_often_as_it_likes() -> None:
    minutes = [minute(1, 1_000, 1_000), *crowd(5, 0, version=2)]
    for limits in (LIMITS, Limits(max_errors_bp=1)):
        assert declared_limit(minutes, [], stage(10_000), limits, NOW) is None


def test_what_v1_does_too_is_no_reason_to_go_back() -> None:
    minutes = crowd(200, 40, version=2) + crowd(1_800, 360, version=1)
    assert declared_limit(minutes, [], stage(), LIMITS, NOW) is None


def test_failures_of_a_quarter_of_an_hour_count_and_no_older_ones() -> None:
    stable = crowd(2_000, 4, version=1)
    assert declared_limit([*crowd(100, 20, version=2, ago=15), *stable], [], stage(), LIMITS, NOW) is not None
    assert declared_limit([*crowd(100, 20, version=2, ago=16), *stable], [], stage(), LIMITS, NOW) is None


@pytest.mark.parametrize(("before", "trips"), [((900, 4), True), ((900, 180), False), ((0, 0), True)])
def test_at_100_percent_the_limit_holds_against_v1_before_the_step(before: tuple[int, int], trips: bool) -> None:
    found = declared_limit(crowd(200, 40, version=2), crowd(*before, version=1), stage(10_000), LIMITS, NOW)
    assert (found is not None) == trips


def again(units: int, failed_over: int, failed_twice: int) -> list[Minute]:
    """Users whose only answer failed, and was v1's instead so many times."""
    return [minute(n, 1, 1)._replace(failed_over=failed_over, failed_twice=failed_twice) for n in range(units)]


@pytest.mark.parametrize(
    ("failing", "trips"),
    [
        (again(40, 2, 0), True),
        (again(40, 2, 1), False),
        (again(20, 1, 1) + crowd(20, 20, version=2), False),
        (again(19, 1, 1) + crowd(21, 21, version=2), True),
    ],
    ids=["v1 could answer", "v1 fails as well", "half of them are reads", "most of them are writes"],
)
@pytest.mark.parametrize("weight_bp", [9_000, 10_000])
def test_an_outage_shows_by_the_reads_that_v1_fails_as_well(failing: list[Minute], trips: bool, weight_bp: int) -> None:
    minutes = failing + [minute(5_000 + n, 2) for n in range(60)]
    if weight_bp < 10_000:
        minutes += crowd(200, 0, version=1)
    found = declared_limit(minutes, crowd(900, 4, version=1), stage(weight_bp), LIMITS, NOW)
    assert (found is not None) == trips


def broken_on_both(unit: int) -> Minute:
    """A user whose only read fails on either version."""
    return minute(unit, 10, 10)._replace(failed_over=10, failed_twice=10)


def test_one_user_whose_read_fails_on_both_versions_hides_no_harm() -> None:
    partly = [minute(n, 10, 1)._replace(failed_over=1) for n in range(20)]
    minutes = [*partly, broken_on_both(1_000), *(minute(5_000 + n, 10) for n in range(80))]
    assert declared_limit(minutes, crowd(900, 4, version=1), stage(10_000), LIMITS, NOW) is not None
    harmed = minute(1, 10, 10)._replace(failed_over=10)
    assert total_failure([harmed, broken_on_both(2)], stage(10_000), LIMITS, NOW) is not None


def test_a_total_outage_is_no_total_failure() -> None:
    alone = minute(1, 10, 10)
    assert total_failure([alone._replace(failed_over=10, failed_twice=4)], stage(10_000), LIMITS, NOW) is not None
    assert total_failure([alone._replace(failed_over=10, failed_twice=5)], stage(10_000), LIMITS, NOW) is None


def quarter(failing: Iterable[int], *, age: int = 15) -> list[Minute]:
    """200 users of either version in each minute since the step, of whom so many fail in the minutes that are named."""
    return [
        one
        for since in range(15)
        for version in (1, 2)
        for one in crowd(200, 40 if since in failing else 0, version=version, ago=age - since)
    ]


WELL = crowd(400, 4, version=1, ago=20)


@pytest.mark.parametrize(
    ("failing", "trips"),
    [
        (range(15), True),
        (range(1, 15), True),
        ((1, *range(3, 15)), True),
        (range(2, 15), False),
        (range(10), False),
        (range(11), True),
        ((0, 7, 14), True),
        ((), False),
    ],
    ids=[
        "always",
        "from the second minute",
        "with a pause",
        "too late",
        "for ten minutes",
        "longer",
        "in every window",
        "never",
    ],
)
def test_shared_harm_begins_with_the_step_and_stays(failing: Iterable[int], trips: bool) -> None:
    assert (shared_harm(quarter(failing), WELL, stage(age_min=15), LIMITS, NOW) is not None) == trips


@pytest.mark.parametrize(("age", "trips"), [(14, False), (15, True), (29, True), (30, False)])
def test_shared_harm_is_looked_for_in_the_second_quarter_of_a_stage(age: int, trips: bool) -> None:
    found = shared_harm(quarter(range(15), age=age), WELL, stage(age_min=age), LIMITS, NOW)
    assert (found is not None) == trips


@pytest.mark.parametrize(
    "before",
    [
        crowd(400, 40, version=1, ago=25),
        [*crowd(400, 4, version=1, ago=25), *crowd(100, 4, version=1, ago=19)],
        [*crowd(400, 4, version=1, ago=25), *crowd(100, 3, version=1, ago=16)],
        crowd(9, 0, version=1, ago=20),
    ],
    ids=["failed before", "failed lately", "failed in the last minute", "nobody was there"],
)
def test_what_failed_before_the_step_is_not_the_step_s_doing(before: list[Minute]) -> None:
    assert shared_harm(quarter(range(15)), before, stage(age_min=15), LIMITS, NOW) is None


def test_what_grows_in_the_first_minutes_did_not_begin_with_the_step() -> None:
    slowly = [
        one if one.start_s >= NOW - 13 * 60 or number % 200 < 15 else one._replace(failures=0)
        for number, one in enumerate(quarter(range(15)))
    ]
    assert shared_harm(slowly, WELL, stage(age_min=15), LIMITS, NOW) is None


def test_harm_of_one_version_is_not_shared() -> None:
    alone = [one if one.api_version == 2 else one._replace(failures=0) for one in quarter(range(15))]
    assert shared_harm(alone, WELL, stage(age_min=15), LIMITS, NOW) is None
    assert shared_harm(quarter(range(15)), WELL, stage(10_000, age_min=15), LIMITS, NOW) is None
