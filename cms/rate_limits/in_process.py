"""Counting within one process: where there is no Redis, and while it can't be reached."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from cms.rate_limits.quotas import Counters, Quota, free_in, moved_to, wait_ms

SUBJECTS_MAX: Final = 100_000  # some 30 MB; beyond it the one that was idle for longest is forgotten


class ProcessCounter:
    def __init__(self) -> None:
        self._counters: OrderedDict[str, Counters] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, quotas: Sequence[Quota], now_ms: int, amount: int = 1) -> list[int]:
        """Return the same answer as `take.lua`."""
        with self._lock:
            wait, states = 0, []
            for quota in quotas:
                limit, length_ms = quota.policy.limit, quota.policy.window_s * 1_000
                counters, passed = moved_to(self._counters.get(quota.key), now_ms, length_ms)
                free = free_in(counters, passed, limit, length_ms)
                if free < 1:
                    wait = max(wait, wait_ms(counters, passed, limit, length_ms))
                states.append((quota.key, counters, free, length_ms - passed))
            answer = [wait]
            for key, counters, free, rest_ms in states:
                if not wait:
                    self._keep(key, counters._replace(current=counters.current + amount))
                answer += [max(0, free if wait else free - amount), rest_ms]
            return answer

    def add(self, passed: Sequence[tuple[Quota, int]], now_ms: int) -> list[list[int]]:
        """Count what has passed already, even beyond the limit: what `take.lua` gives for each when none is wanted."""
        with self._lock:
            return [self._add(quota, amount, now_ms) for quota, amount in passed]

    def _add(self, quota: Quota, amount: int, now_ms: int) -> list[int]:
        limit, length_ms = quota.policy.limit, quota.policy.window_s * 1_000
        counters, passed_ms = moved_to(self._counters.get(quota.key), now_ms, length_ms)
        if amount:
            counters = counters._replace(current=counters.current + amount)
            self._keep(quota.key, counters)
        free = free_in(counters, passed_ms, limit, length_ms)
        wait = wait_ms(counters, passed_ms, limit, length_ms) if free < 1 else 0
        return [wait, max(0, free), length_ms - passed_ms]

    def give_back(self, quotas: Sequence[Quota]) -> None:
        with self._lock:
            for quota in quotas:
                counters = self._counters.get(quota.key)
                if counters and counters.current:
                    self._counters[quota.key] = counters._replace(current=counters.current - 1)

    def clear(self) -> None:
        with self._lock:
            self._counters.clear()

    def _keep(self, key: str, counters: Counters) -> None:
        self._counters[key] = counters
        self._counters.move_to_end(key)
        if len(self._counters) > SUBJECTS_MAX:
            self._counters.popitem(last=False)
