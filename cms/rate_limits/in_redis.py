"""Counting in Redis, atomically by a script and in one round trip. Never waits long for a Redis that is away."""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cms.rate_limits.policies import Quota

logger = logging.getLogger(__name__)

TIMEOUT_S: Final = 0.25
PAUSE_S: Final = 5.0
"""For how long Redis isn't asked after it failed; then one request tries, and no other waits for it."""
FOLDER: Final = Path(__file__).parent


def _answer_on(connection: Any) -> Any:
    """Return None from a Redis without the script, and any other refusal itself: more answers may come after it."""
    try:
        return connection.read_response()
    except redis.exceptions.NoScriptError:
        return None
    except redis.ResponseError as error:
        return error


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
        self._connections = threading.local()
        self._give_back = self._client.register_script((FOLDER / "give_back.lua").read_text())
        self._is_away = False
        self._asked_again_at = 0.0

    def take(self, quotas: Sequence[Quota], now_ms: int, passed: int = 0) -> list[int] | None:
        """Return `take.lua`'s answer, None while Redis can't be asked. Count `passed` of the first quota always."""
        arguments = [now_ms, passed, 1]
        for quota in quotas:
            arguments += [quota.policy.limit, quota.policy.window_s * 1_000]
        answer: list[int] | None = self._ask(lambda: self._run_take([quota.key for quota in quotas], arguments))
        return answer

    def add(self, passed: Sequence[tuple[Quota, int]], now_ms: int) -> list[list[int]] | None:
        """Count what has passed, in one round trip; return `take.lua`'s answers, None while Redis can't be asked."""
        answers: list[list[int]] | None = self._ask(lambda: self._run_add(passed, now_ms))
        return answers

    def _run_add(self, passed: Sequence[tuple[Quota, int]], now_ms: int) -> list[list[int]]:
        return self._run_takes(
            [
                ([quota.key], [now_ms, count, 0, quota.policy.limit, quota.policy.window_s * 1_000])
                for quota, count in passed
            ]
        )

    def _run_take(self, keys: list[str], arguments: list[int]) -> list[int]:
        return self._run_takes([(keys, arguments)])[0]

    def _run_takes(self, calls: Sequence[tuple[list[str], list[int]]]) -> list[list[int]]:
        """Run on a connection of the thread's own: the client's pool and hooks would be more than half of the cost."""
        connection = self._connection()
        commands = [("EVALSHA", self._take.sha, len(keys), *keys, *arguments) for keys, arguments in calls]
        answers: list[Any] = []
        try:
            connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            while len(answers) < len(calls):
                answers.append(_answer_on(connection))
        except redis.ConnectionError:  # closed by a restart; the client opens its connections again
            answers += [None] * (len(calls) - len(answers))
        for answer in answers:
            if isinstance(answer, redis.ResponseError):
                raise answer
        # The client brings the script to a Redis that is new.
        return [answer or self._take(*call) for answer, call in zip(answers, calls, strict=True)]

    def _connection(self) -> Any:
        # A child of fork has a copy of the thread's connection, whose socket is the parent's.
        if getattr(self._connections, "pid", None) != os.getpid():
            self._connections.pid, self._connections.kept = os.getpid(), self._client.connection_pool.make_connection()
        return self._connections.kept

    def give_back(self, quotas: Sequence[Quota]) -> bool:
        """Whether Redis could be asked."""
        return self._ask(lambda: self._give_back([quota.key for quota in quotas]) or True) is not None

    def _ask(self, question: Callable[[], Any]) -> Any:
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
