"""Counting ahead of Redis: exact as long as no process lets more pass between two tellings than the tenth that is kept."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from cms.rate_limits import Policy, Quota
from cms.rate_limits import in_redis as in_redis_module
from cms.rate_limits.ahead import CountingAhead, left_min
from cms.rate_limits.in_redis import RedisCounter
from tests.session import ENGINES

LIMIT = 2_000
# A window that doesn't end while a test runs, for `tell` reads the clock.
POLICY = Policy("ahead", "RATE_LIMIT_ANONYMOUS", 1_000_000_000)


@pytest.fixture
def redis_url(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(in_redis_module, "TIMEOUT_S", 30.0)  # a machine that is busy for a moment decides nothing here
    settings.RATE_LIMIT_ANONYMOUS = LIMIT
    url = ENGINES.redis_url_for(os.environ.get("PYTEST_XDIST_WORKER", "master"))
    if url is None:
        pytest.skip("no Redis was found (REQUIRE_SERVICES=1 makes that a failure)")
    yield url
    redis.Redis.from_url(url).flushdb()


@pytest.fixture
def quota(request: pytest.FixtureRequest) -> Quota:
    """Of each test its own: the thread of the one before may still have something to tell."""
    return Quota(POLICY, request.node.name)


@pytest.fixture
def counted(redis_url: str, quota: Quota) -> Callable[[], int]:
    return lambda: int(redis.Redis.from_url(redis_url).hget(quota.key, "c") or 0)  # type: ignore[arg-type]


def left_after(counter: CountingAhead, quota: Quota) -> int:
    """-1 when it is refused."""
    answer = counter.take(quota, int(time.time() * 1_000))
    assert answer is not None
    return -1 if answer[0] else answer[1]


def left_in(answer: list[int] | None) -> int:
    assert answer
    return answer[1]


def passes(counter: CountingAhead, quota: Quota) -> bool:
    return left_after(counter, quota) >= 0


@pytest.mark.parametrize("seed", range(5))
def test_several_processes_let_exactly_the_limit_pass(
    redis_url: str, quota: Quota, counted: Callable[[], int], seed: int
) -> None:
    rng, processes = random.Random(seed), [CountingAhead(RedisCounter(redis_url)) for _ in range(3)]
    passed = 0
    while passed < LIMIT + 500:
        # All three together stay below the tenth that is kept for what one doesn't know of the others.
        before = passed
        for process in processes:
            passed += sum(passes(process, quota) for _ in range(rng.randrange(1, left_min(LIMIT) // 3)))
            process.tell()
        if passed == before:
            break
    assert passed == LIMIT == counted()


def test_near_the_limit_redis_is_asked_first(
    redis_url: str, quota: Quota, counted: Callable[[], int], settings: Any
) -> None:
    settings.RATE_LIMIT_ANONYMOUS = left_min(0)
    counter = CountingAhead(RedisCounter(redis_url))
    for number in range(1, 21):
        assert passes(counter, quota)
        assert counted() == number


def test_what_passed_ahead_is_told_by_itself(redis_url: str, quota: Quota, counted: Callable[[], int]) -> None:
    counter = CountingAhead(RedisCounter(redis_url))
    assert sum(passes(counter, quota) for _ in range(50)) == 50
    deadline = time.monotonic() + 60
    while counted() < 50 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert counted() == 50


@pytest.mark.parametrize("seed", range(5))
def test_amounts_that_several_processes_count_ahead_are_all_told(
    redis_url: str, quota: Quota, counted: Callable[[], int], seed: int
) -> None:
    rng, processes = random.Random(seed), [CountingAhead(RedisCounter(redis_url)) for _ in range(3)]
    total, now_ms = 0, int(time.time() * 1_000)
    while total < LIMIT + 500:
        process, amount = rng.choice(processes), rng.randrange(300)
        assert process.add(quota, amount, now_ms)
        total += amount
    for process in processes:
        process.tell()
    assert counted() == total


def test_an_amount_waits_for_its_telling_unless_it_comes_near_the_limit(
    redis_url: str, quota: Quota, counted: Callable[[], int]
) -> None:
    counter, now_ms = CountingAhead(RedisCounter(redis_url)), int(time.time() * 1_000)
    assert left_in(counter.add(quota, 0, now_ms)) == LIMIT
    with counter._telling:  # nobody else tells
        assert left_in(counter.add(quota, 10, now_ms)) == LIMIT - 10
        assert left_in(counter.add(quota, 0, now_ms)) == LIMIT - 10
        assert counted() == 0
        near = LIMIT - left_min(LIMIT)
        assert left_in(counter.add(quota, near, now_ms)) == LIMIT - near - 10
        assert counted() == near + 10


def test_a_look_at_a_spent_quota_tells_how_long_to_wait(redis_url: str, quota: Quota) -> None:
    counter, now_ms = CountingAhead(RedisCounter(redis_url)), int(time.time() * 1_000)
    counter.add(quota, LIMIT + 7, now_ms)
    answer = counter.add(quota, 0, now_ms)
    assert answer
    assert answer[0] > 0 == answer[1]


def test_nothing_of_before_is_told_after_it_was_cleared(
    redis_url: str, quota: Quota, counted: Callable[[], int]
) -> None:
    asks, may_answer = threading.Event(), threading.Timer(0.3, lambda: None)

    class Slow(RedisCounter):
        def add(self, *words: Any) -> Any:
            asks.set()
            may_answer.join()
            return super().add(*words)

    counter = CountingAhead(Slow(redis_url))
    assert passes(counter, quota)
    may_answer.start()
    assert passes(counter, quota)
    assert asks.wait(60)
    counter.clear()
    redis.Redis.from_url(redis_url).flushdb()
    counter.tell()
    assert counted() == 0


def test_what_is_left_goes_down_by_one_each_time(redis_url: str, quota: Quota) -> None:
    counter = CountingAhead(RedisCounter(redis_url))
    left = [left_after(counter, quota) for _ in range(30)]
    assert left == list(range(LIMIT - 1, LIMIT - 31, -1))


def test_a_redis_that_is_lost_is_noticed_at_the_next_telling(redis_url: str, quota: Quota) -> None:
    away = RedisCounter("redis://127.0.0.1:1/0")
    counter = CountingAhead(RedisCounter(redis_url))
    assert [passes(counter, quota), passes(counter, quota)] == [True, True]
    counter._counter = away
    counter.tell()
    assert counter.take(quota, int(time.time() * 1_000)) is None


def test_several_are_told_at_once_to_a_redis_that_has_lost_its_scripts(
    redis_url: str, quota: Quota, counted: Callable[[], int]
) -> None:
    counter, now_ms = RedisCounter(redis_url), int(time.time() * 1_000)
    told = [(quota, 3), (Quota(POLICY, f"{quota.subject} too"), 4)]
    for times in (1, 2):
        redis.Redis.from_url(redis_url).script_flush()
        answers = counter.add(told, now_ms)
        assert [left for _, left, _ in answers or ()] == [LIMIT - 3 * times, LIMIT - 4 * times]
        assert counted() == 3 * times


def test_a_refusal_among_several_answers_leaves_none_for_the_next_question(
    redis_url: str, quota: Quota, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_redis_module, "PAUSE_S", 0.0)
    counter, now_ms = RedisCounter(redis_url), int(time.time() * 1_000)
    broken = Quota(POLICY, f"{quota.subject} broken")
    redis.Redis.from_url(redis_url).set(broken.key, "no hash")
    assert counter.add([(broken, 1), (quota, 5)], now_ms) is None
    answer = counter.take([quota], now_ms)
    assert answer is not None
    assert answer[1] == LIMIT - 6
