"""Rate limits: exact at their limit, sliding over time, atomic, the same in Redis and in a process, never in the way."""

import contextlib
import datetime
import os
import random
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from cms.rate_limits import (
    ANONYMOUS,
    KEPT_KB,
    LOGIN_ADDRESS,
    LOGIN_NAME,
    REGISTER,
    Policy,
    Quota,
    address_quota,
    address_quotas,
    count,
    give_back,
    name_quota,
    take,
    take_or_refuse,
)
from cms.rate_limits import in_process as in_process_module
from cms.rate_limits import in_redis as in_redis_module
from cms.rate_limits.in_process import ProcessCounter
from cms.rate_limits.in_redis import RedisCounter
from tests.session import ENGINES, patient

NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)
NOW_MS = int(NOW.timestamp() * 1_000)  # the beginning of a window of any of these lengths
A_MINUTE = Policy("a", "RATE_LIMIT_LOGIN", 60)
FIVE_TIMES_A_MINUTE = Policy("b", "RATE_LIMIT_LOGIN", 60, factor=5)


@pytest.fixture
def redis_url() -> Iterator[str]:
    url = patient(ENGINES.redis_url_for(os.environ.get("PYTEST_XDIST_WORKER", "master")))
    if not url:
        pytest.skip("no Redis was found (REQUIRE_SERVICES=1 makes that a failure)")
    yield url
    redis.Redis.from_url(url).flushdb()


@pytest.fixture(params=["redis", "process"])
def counter(request: pytest.FixtureRequest, settings: Any) -> Any:
    settings.RATE_LIMIT_LOGIN = 10
    return ProcessCounter() if request.param == "process" else RedisCounter(request.getfixturevalue("redis_url"))


@pytest.fixture
def left(counter: Any) -> Callable[..., int]:
    """`left(5_000)`: what is left after one more at 5 s, or minus the milliseconds to wait."""

    def ask(at_ms: int, policy: Policy = A_MINUTE, subject: str = "x") -> int:
        wait, remaining, _ = counter.take([Quota(policy, subject)], NOW_MS + at_ms)
        return -wait or remaining  # type: ignore[no-any-return]

    return ask


def test_the_limit_passes_and_not_one_more(left: Any) -> None:
    assert [left(0) for _ in range(10)] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert left(0) < 0
    assert left(0, subject="y") == 9


def test_the_limit_is_exact_across_the_edge_of_a_window(left: Any) -> None:
    assert [left(59_990) for _ in range(6)] == [9, 8, 7, 6, 5, 4]
    assert [left(60_010) for _ in range(4)] == [3, 2, 1, 0]
    assert left(60_020) < 0


@pytest.mark.parametrize("at_ms", [0, 30_000, 59_999])
def test_who_waits_as_long_as_told_passes_and_who_waits_less_does_not(left: Any, at_ms: int) -> None:
    for _ in range(10):
        left(at_ms)
    wait_ms = -left(at_ms)
    assert left(at_ms + wait_ms - 1) == -1
    assert left(at_ms + wait_ms) == 0
    assert 0 < wait_ms <= 120_000


def test_a_quota_that_is_left_alone_is_full_again(left: Any) -> None:
    for _ in range(10):
        left(0)
    assert left(120_000) == 9


def test_what_is_refused_does_not_count(left: Any) -> None:
    for _ in range(50):
        left(0)
    assert left(119_000) == 8  # 10 of the window before, of which one sixtieth reaches so far


def test_a_clock_that_is_behind_lets_no_more_pass(left: Any) -> None:
    for _ in range(10):
        left(61_000)
    assert left(59_000) < 0


def test_several_quotas_are_taken_from_together_or_not_at_all(counter: Any) -> None:
    name, address = Quota(A_MINUTE, "name"), Quota(FIVE_TIMES_A_MINUTE, "address")
    answers = [counter.take([name, address], NOW_MS) for _ in range(12)]
    assert [answer[0] > 0 for answer in answers] == [False] * 10 + [True] * 2
    assert answers[-1][3] == 40
    assert counter.take([address], NOW_MS)[1] == 39


def test_what_is_given_back_can_be_taken_again(counter: Any) -> None:
    quota = Quota(A_MINUTE, "x")
    counter.give_back([quota])  # of nothing there is nothing to give back
    for _ in range(30):
        assert counter.take([quota], NOW_MS)[:2] == [0, 9]
        counter.give_back([quota])


def test_a_hundred_at_once_get_no_more_than_the_limit(counter: Any) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: counter.take([Quota(A_MINUTE, "x")], NOW_MS), range(100)))
    assert sum(answer[0] == 0 for answer in answers) == 10


def test_an_amount_is_taken_whole_while_one_is_left_and_then_not_at_all(counter: Any) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: counter.take([Quota(A_MINUTE, "x")], NOW_MS, amount=4), range(100)))
    assert sorted(answer[1] for answer in answers if answer[0] == 0) == [0, 2, 6]
    assert len({answer[0] for answer in answers if answer[0]}) == 1  # nobody waits longer for what was refused


def test_redis_and_a_process_count_the_same(redis_url: str, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN, rng, at_ms = 7, random.Random(1), NOW_MS
    in_redis, in_process = RedisCounter(redis_url), ProcessCounter()
    quotas = [[Quota(A_MINUTE, subject), Quota(FIVE_TIMES_A_MINUTE, "all")] for subject in "xyz"]
    for _ in range(400):
        at_ms += int(rng.expovariate(1 / 3_000)) - 100
        each = rng.choice(quotas)
        amount = rng.choice((1, 1, 3))
        assert in_redis.take(each, at_ms, amount=amount) == in_process.take(each, at_ms, amount=amount)
        if rng.random() < 0.1:
            in_redis.give_back(each)
            in_process.give_back(each)


def test_redis_forgets_who_comes_no_more(redis_url: str, settings: Any) -> None:
    RedisCounter(redis_url).take([Quota(A_MINUTE, "x")], NOW_MS)
    assert 0 < redis.Redis.from_url(redis_url).pttl("tandem:limit:a:x") <= 120_000  # type: ignore[operator]


def test_a_process_forgets_who_was_idle_for_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_process_module, "SUBJECTS_MAX", 2)
    counter = ProcessCounter()
    for subject in "xyxz":
        counter.take([Quota(A_MINUTE, subject)], NOW_MS)
    assert [counter.take([Quota(A_MINUTE, subject)], NOW_MS)[1] for subject in "xy"] == [7, 9]


# -- a Redis that is away ---------------------------------------------------------------------------------------------


@pytest.fixture
def dead_url(tmp_path: Any) -> str:
    return f"unix://{tmp_path}/nobody?db=0"


def test_without_its_redis_a_process_counts_for_itself(dead_url: str, settings: Any) -> None:
    settings.REDIS_URL, settings.RATE_LIMIT_ANONYMOUS = dead_url, 3
    assert [take([Quota(ANONYMOUS, "x")], NOW).retry_after_s > 0 for _ in range(5)] == [False] * 3 + [True] * 2
    give_back([Quota(ANONYMOUS, "x")])
    assert take([Quota(ANONYMOUS, "x")], NOW).retry_after_s == 0


def connections_to(silent: socket.socket) -> int:
    """How many it was sent."""
    silent.setblocking(False)
    found = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            silent.accept()[0].close()
            found += 1
    return found


def test_a_redis_that_never_answers_is_waited_for_once(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        counter = RedisCounter(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        for _ in range(50):
            assert counter.take([Quota(A_MINUTE, "x")], NOW_MS) is None
        assert connections_to(silent) <= 2  # each is waited for; without the pause there would be a hundred
    assert len([record for record in caplog.records if record.name == "cms.rate_limits.in_redis"]) == 1


def test_a_redis_that_is_back_is_used_again(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_redis_module, "PAUSE_S", 0.0)
    counter = RedisCounter(redis_url)
    working, counter._client.connection_pool = (
        counter._client.connection_pool,
        redis.ConnectionPool.from_url("redis://127.0.0.1:1/0"),
    )
    assert counter.take([Quota(A_MINUTE, "x")], NOW_MS) is None
    counter._client.connection_pool = working
    assert counter.take([Quota(A_MINUTE, "x")], NOW_MS) is not None
    assert not counter._is_away


# -- whom a quota counts by -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::1", True),
        ("no address:", "no address", False),
    ],
)
def test_an_address_is_that_of_a_customer(one: str, other: str, is_same: bool) -> None:
    assert (address_quota(ANONYMOUS, one) == address_quota(ANONYMOUS, other)) == is_same


@pytest.mark.parametrize(
    ("prefix", "limit"), [("2001:db8:1:2::{:x}", 10), ("2001:db8:1:2{:02x}::1", 20), ("2001:db8:1:{:x}00::1", 40)]
)
def test_a_line_of_ipv6_has_a_few_times_the_limit_of_an_address(prefix: str, limit: int, settings: Any) -> None:
    """By the 256 networks of a line, or 65,536 of an office, a stranger kept others from signing in."""
    settings.REDIS_URL, settings.RATE_LIMIT_REGISTER = "", 10
    addresses = [prefix.format(number) for number in range(1, 100)]
    taken = [take(address_quotas(REGISTER, address), NOW).retry_after_s for address in addresses]
    assert taken.count(0) == limit


@pytest.mark.parametrize(("address", "count"), [(None, 0), ("", 0), ("192.0.2.1", 1), ("::ffff:192.0.2.1", 1)])
def test_an_address_of_ipv4_is_no_part_of_a_larger_network(address: str | None, count: int) -> None:
    assert len(address_quotas(REGISTER, address)) == count


@pytest.mark.parametrize("address", [None, ""])
def test_nobody_is_limited_for_having_no_address(address: str | None) -> None:
    assert address_quota(ANONYMOUS, address) is None


def test_a_name_counts_in_any_case_and_is_not_kept() -> None:
    assert name_quota("Mia@Example.org") == name_quota("mia@example.ORG") != name_quota("mio@example.org")
    assert "mia" not in name_quota("mia@example.org").key
    assert len(name_quota("\ud800" + "x" * 100_000).key) < 100


def test_a_limit_of_zero_is_none(settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = 0
    quotas = [Quota(LOGIN_NAME, "x"), Quota(LOGIN_ADDRESS, "y"), None]
    for _ in range(100):
        assert take(quotas, NOW) == take([], NOW)
        take_or_refuse(quotas, NOW, "logins")


def test_an_amount_is_counted_whatever_is_left_and_none_only_looks(counter: Any, left: Any) -> None:
    quota = Quota(A_MINUTE, "x")

    def add(amount: int, at_ms: int = 0) -> list[int]:
        return counter.add([(quota, amount)], NOW_MS + at_ms)[0]  # type: ignore[no-any-return]

    assert [add(amount) for amount in (0, 9, 0)] == [[0, 10, 60_000], [0, 1, 60_000], [0, 1, 60_000]]
    wait, free, _ = add(25)
    assert (wait > 60_000, free, left(0) < 0) == (True, 0, True)
    assert add(0, wait - 1)[1] == 0
    assert add(0, wait)[:2] == [0, 1]
    assert left(wait) == 0


@pytest.mark.parametrize("has_redis", [True, False], ids=["redis", "process"])
def test_large_amounts_are_counted_exactly(request: pytest.FixtureRequest, settings: Any, has_redis: bool) -> None:
    settings.REDIS_URL = request.getfixturevalue("redis_url") if has_redis else ""
    settings.RATE_LIMIT_KEPT_MB = 100_000
    quota = Quota(KEPT_KB, "x")
    assert count(quota, 99_999_999, NOW) == 0
    assert count(quota, 1, NOW) == 43_201  # at midnight, and a kilobyte is free a millisecond later
    assert count(quota, 0, NOW + datetime.timedelta(seconds=43_200)) == 1
    assert count(quota, 0, NOW + datetime.timedelta(seconds=43_201)) == 0
