"""Counting in Redis, atomically by a script and in one round trip. Never waits long for a Redis that is away."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cms.rate_limits.quotas import Quota

logger = logging.getLogger(__name__)

TIMEOUT_S: Final = 0.25
PAUSE_S: Final = 5.0
"""For how long Redis isn't asked after it failed; then one request tries, and no other waits for it."""
FOLDER: Final = Path(__file__).parent


class RedisCounter:
    def __init__(self, url: str) -> None:
        # A connection that a restarted Redis has closed is opened again once; more patience would cost every request.
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            # Not after a timeout: what Redis is late with may have been counted, and would be twice.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )
        self._take = self._client.register_script((FOLDER / "take.lua").read_text())
        self._give_back = self._client.register_script((FOLDER / "give_back.lua").read_text())
        self._is_away = False
        self._asked_again_at = 0.0

    def take(self, quotas: Sequence[Quota], now_ms: int, passed: int = 0, amount: int = 1) -> list[int] | None:
        """Return `take.lua`'s answer, None while Redis can't be asked. Count `passed` of the first quota always."""
        arguments = [now_ms, passed, amount]
        for quota in quotas:
            arguments += [quota.policy.limit, quota.policy.window_s * 1_000]
        return self._ask(lambda: self._take([quota.key for quota in quotas], arguments))

    def add(self, passed: Sequence[tuple[Quota, int]], now_ms: int) -> list[list[int]] | None:
        """Count what has passed, in one round trip; return `take.lua`'s answers, None while Redis can't be asked."""
        return self._ask(lambda: self._add(passed, now_ms))

    def _add(self, passed: Sequence[tuple[Quota, int]], now_ms: int) -> list[list[int]]:
        with self._client.pipeline(transaction=False) as pipeline:
            for quota, count in passed:
                arguments = [now_ms, count, 0, quota.policy.limit, quota.policy.window_s * 1_000]
                self._take([quota.key], arguments, client=pipeline)
            return pipeline.execute()

    def give_back(self, quotas: Sequence[Quota]) -> bool:
        """Whether Redis could be asked."""
        return self._ask(lambda: self._give_back([quota.key for quota in quotas]) or True) is not None

    def _ask[T](self, question: Callable[[], T]) -> T | None:
        if self._is_away:
            if time.monotonic() < self._asked_again_at:
                return None
            self._asked_again_at = time.monotonic() + PAUSE_S
        try:
            answer = question()
        except redis.RedisError as error:
            if not self._is_away:
                logger.warning(
                    "Rate limits are counted in each process: Redis can't be asked (%s)", type(error).__name__
                )
            self._asked_again_at, self._is_away = time.monotonic() + PAUSE_S, True
            return None
        if self._is_away:
            self._is_away = False
            logger.warning("Rate limits are counted in Redis again")
        return answer
