"""Counting a request against its quotas, wherever they are counted."""

import datetime
import os
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from django.conf import settings

from cms.errors import RateLimited
from cms.rate_limits.ahead import CountingAhead
from cms.rate_limits.in_process import ProcessCounter
from cms.rate_limits.in_redis import RedisCounter
from cms.rate_limits.quotas import Quota, Standing, Taken, in_seconds

IN_PROCESS: Final = ProcessCounter()


def take(quotas: Iterable[Quota | None], now: datetime.datetime) -> Taken:
    """Take one from each limited quota, or none from any when one of them is used up."""
    limited = _limited(quotas)
    if not limited:
        return Taken(0, ())
    now_ms = int(now.timestamp() * 1_000)
    asked = _ask_redis(limited, now_ms) if settings.REDIS_URL else None
    wait_ms, *rest = asked or IN_PROCESS.take(limited, now_ms)
    if len(limited) == 1:  # every request except a login
        return Taken(in_seconds(wait_ms), (_standing(limited[0], *rest),))
    standings = [_standing(*each) for each in zip(limited, rest[::2], rest[1::2], strict=True)]
    return Taken(in_seconds(wait_ms), tuple(standings))


def take_or_refuse(quotas: Iterable[Quota | None], now: datetime.datetime, what: str) -> None:
    """Raise RateLimited if a quota is spent; its sentence names `what` there were too many of."""
    taken = take(quotas, now)
    if taken.retry_after_s:
        raise RateLimited(what, taken.retry_after_s)


def take_amount_or_refuse(quota: Quota, amount: int, now: datetime.datetime, what: str) -> None:
    """Take an amount, the last one even beyond the limit. Raise RateLimited if the quota is spent, and take nothing.

    Never counted ahead: a few requests with large amounts would pass by an old answer of Redis.
    """
    limited = _limited([quota])
    if not limited:
        return
    now_ms = int(now.timestamp() * 1_000)
    asked = _redis(settings.REDIS_URL).take(limited, now_ms, amount=amount) if settings.REDIS_URL else None
    [wait_ms, *_] = asked or IN_PROCESS.take(limited, now_ms, amount)
    if wait_ms:
        raise RateLimited(what, in_seconds(wait_ms))


def count(quota: Quota, amount: int, now: datetime.datetime) -> int:
    """Count an amount, even beyond the limit; 0 only looks. Return the seconds until something is left, 0 if it is."""
    limited = _limited([quota])
    if not limited:
        return 0
    now_ms = int(now.timestamp() * 1_000)
    asked = _ahead(settings.REDIS_URL, os.getpid()).add(quota, amount, now_ms) if settings.REDIS_URL else None
    [wait_ms, *_] = asked or IN_PROCESS.add([(quota, amount)], now_ms)[0]
    return in_seconds(wait_ms)


def give_back(quotas: Iterable[Quota | None]) -> None:
    """Give back what was taken for something that then turned out not to count."""
    limited = _limited(quotas)
    if limited and not (settings.REDIS_URL and _redis(settings.REDIS_URL).give_back(limited)):
        IN_PROCESS.give_back(limited)


def clear_process() -> None:
    """Forget all that this process knows or counts by itself; the counts in Redis stay."""
    IN_PROCESS.clear()
    if settings.REDIS_URL:
        _ahead(settings.REDIS_URL, os.getpid()).clear()


def _standing(quota: Quota, remaining: int, reset_ms: int) -> Standing:
    policy = quota.policy
    return Standing(policy.name, policy.limit, policy.window_s, remaining, in_seconds(reset_ms))


def _limited(quotas: Iterable[Quota | None]) -> Sequence[Quota]:
    return [quota for quota in quotas if quota is not None and quota.policy.limit]


def _ask_redis(quotas: Sequence[Quota], now_ms: int) -> list[int] | None:
    if len(quotas) == 1:
        return _ahead(settings.REDIS_URL, os.getpid()).take(quotas[0], now_ms)
    return _redis(settings.REDIS_URL).take(quotas, now_ms)


@cache
def _ahead(url: str, _pid: int) -> CountingAhead:
    """By process: a child of fork has neither the parent's thread nor a right to tell of what the parent let pass."""
    return CountingAhead(_redis(url))


@cache
def _redis(url: str) -> RedisCounter:
    return RedisCounter(url)
