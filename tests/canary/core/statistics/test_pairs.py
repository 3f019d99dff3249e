"""Votes of pairs: no bet gains while v2 is no worse, late harm on one route is found, and nobody votes alone."""

import json
import math
import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary.core.statistics import pairs
from canary.core.statistics.pairs import AMONG, LateSignTest, PairTests, SignTest

VOTES = st.lists(st.booleans(), max_size=30)
PAIRS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.booleans()), max_size=30)
LIMIT_OF_ERRORS, LIMIT_OF_TIMES = math.log(20 / 0.15), math.log(20 / 0.1)


def after[Test: (SignTest, LateSignTest)](test: Test, votes: Iterable[bool]) -> Test:
    for vote in votes:
        test.take(vote)
    return test


def timed(pairs: Iterable[tuple[str, int, bool]], known: float = math.inf) -> PairTests:
    """Take votes on time; voters from the number `known` on are networks of unknown people."""
    tests = PairTests()
    for route, voter, is_against in pairs:
        tests.take_time(route, voter, voter < known, is_against)
    return tests


@settings(max_examples=50)
@given(st.sampled_from([SignTest, LateSignTest]), VOTES, st.floats(0.0, 0.5))
def test_a_vote_gains_nothing_on_average_while_it_is_against_v2_no_more_often_than_for_it(
    kind: type[SignTest], votes: list[bool], chance: float
) -> None:
    now, lost, won = (math.exp(after(kind(), [*votes, *more]).log_e) for more in ([], [False], [True]))
    assert (lost + won) / 2 == pytest.approx(now)
    assert chance * won + (1 - chance) * lost <= now * (1 + 1e-9)


@settings(max_examples=50)
@given(PAIRS, st.sampled_from("abcd"), st.integers(0, 9))
def test_neither_do_all_routes_together_however_many_appear(
    pairs: list[tuple[str, int, bool]], route: str, voter: int
) -> None:
    now = math.exp(timed(pairs, 5).log_e_of_times)
    lost, won = (math.exp(timed([*pairs, (route, voter, vote)], 5).log_e_of_times) for vote in (False, True))
    assert (lost + won) / 2 == pytest.approx(now)


def test_evidence_begins_at_one() -> None:
    assert (SignTest().log_e, LateSignTest().log_e, PairTests().log_e_of_times) == pytest.approx((0, 0, 0))


def test_harm_that_begins_after_thousands_of_good_votes_is_found_by_some_dozens() -> None:
    late = after(LateSignTest(), [False] * 5_000)
    assert after(late, [True] * 45).log_e > LIMIT_OF_TIMES
    assert after(SignTest(), [False] * 5_000 + [True] * 45).log_e < -1_000


def test_ten_times_the_latency_on_one_route_of_twenty_is_found_and_the_others_hide_nothing() -> None:
    """From a quarter of the time on, while all votes on the other routes are good."""
    rng = random.Random(7)
    pairs = [(f"r{rng.randrange(20)}", rng.randrange(1_000), False) for _ in range(4_000)]
    tests = timed((route, voter, route == "r3" and at > 1_000) for at, (route, voter, _) in enumerate(pairs))
    assert tests.log_e_of_times > LIMIT_OF_TIMES


@pytest.mark.parametrize(
    ("metric", "limit"), [("errors", LIMIT_OF_ERRORS), ("times", LIMIT_OF_TIMES)], ids=["errors", "times"]
)
def test_versions_that_are_alike_reach_the_limit_no_more_often_than_is_promised(metric: str, limit: float) -> None:
    """The worst case: each vote is a fair coin. The promise is exp(-limit); beyond the bound once in a thousand times."""
    rng, runs = random.Random(11), 500
    promised = math.exp(-limit)
    bound = runs * promised + 3.1 * math.sqrt(runs * promised)
    assert sum(reaches(rng, metric, limit) for _ in range(runs)) <= bound


def reaches(rng: random.Random, metric: str, limit: float) -> bool:
    test: SignTest | LateSignTest = SignTest() if metric == "errors" else LateSignTest()
    for _ in range(100):
        test.take(rng.random() < 0.5)
        if test.log_e >= limit:
            return True
    return False


def test_nine_users_whose_requests_fail_on_v2_alone_are_enough_and_eight_are_not() -> None:
    tests = PairTests()
    for voter in range(8):
        tests.take_error(voter, is_trusted=True, is_against=True)
    assert tests.errors.log_e < LIMIT_OF_ERRORS
    tests.take_error(8, is_trusted=True, is_against=True)
    assert tests.errors.log_e >= LIMIT_OF_ERRORS


def test_a_user_has_one_vote_on_errors_and_a_network_of_unknown_people_one_a_stage() -> None:
    tests = PairTests()
    for _ in range(3):
        tests.begin()
        for _ in range(50):
            tests.take_error(1, is_trusted=True, is_against=True)
            tests.take_error(2, is_trusted=False, is_against=True)
    assert tests.errors.against == 1 + 3


def test_nobody_makes_a_route_slow_alone_nor_do_four() -> None:
    tests = timed(("r", voter, True) for _ in range(1_000) for voter in range(AMONG - 1))
    assert tests.routes["r"].test.votes == AMONG - 1
    assert tests.log_e_of_times < LIMIT_OF_TIMES / 4


def test_of_five_votes_in_a_row_each_is_of_another_user() -> None:
    tests = timed(("r", voter, True) for _ in range(10) for voter in (7, 7, 7, 1, 2, 3, 4))
    assert tests.routes["r"].test.votes == 10 * AMONG


def test_a_network_of_unknown_people_has_a_vote_a_route_and_stage_until_it_votes_against_v2() -> None:
    tests = PairTests()
    for is_against in (False, True, False, True):
        tests.begin()
        for voter in range(20):
            tests.take_time("r", voter, is_trusted=False, is_against=is_against)
            tests.take_time("r", voter, is_trusted=False, is_against=True)
            tests.take_time("other", voter, is_trusted=False, is_against=True)
    assert (tests.routes["r"].test.votes, tests.routes["r"].test.against) == (40, 20)
    assert tests.routes["other"].test.votes == 20


def test_when_no_more_networks_fit_votes_against_v2_are_left_out_as_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "MAX_VOTERS", 50)
    tests = timed((("r", voter, voter >= 50) for voter in range(500)), 0)
    assert (tests.routes["r"].test.votes, tests.routes["r"].test.against) == (50, 0)


@given(PAIRS, st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.booleans()), max_size=30), PAIRS)
def test_put_away_and_taken_up_again_it_is_the_same_to_the_last_bit(
    pairs: list[tuple[str, int, bool]], errors: list[tuple[int, bool, bool]], more: list[tuple[str, int, bool]]
) -> None:
    tests = timed(pairs, 5)
    for error in errors:
        tests.take_error(*error)
    again = PairTests.load(json.loads(json.dumps(tests.dump(), allow_nan=False)))
    for route, voter, is_against in more:
        tests.take_time(route, voter, voter < 5, is_against)
        again.take_time(route, voter, voter < 5, is_against)
    assert (again.dump(), again.log_e_of_times) == (tests.dump(), tests.log_e_of_times)
    assert again.errors.log_e == tests.errors.log_e


def test_its_state_stays_small_and_its_time_constant() -> None:
    tests = timed((f"r{n % 400}", n, n % 2 == 0) for n in range(4_000))
    assert len(tests.routes) == 200
    assert len(json.dumps(tests.dump())) < 60_000
