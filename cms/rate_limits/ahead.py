"""Count in this process first: a request far from its limit passes at once, and Redis gets the sums 50 times a second.

A question to Redis costs half of what an answer from memory costs. With more than a tenth of a limit left, and more
than `LEFT_MIN`, this process accepts requests by the last answer of Redis. It adds them up, and hands the sums over in
one round trip. Nearer to the limit each request is counted in Redis before it passes. The limit is as exact as without
this as long as less than that tenth passes within `TOLD_EVERY_S`: for 6,000 a minute that is 30,000 requests a second.
"""

import atexit
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from cms import clock
from cms.rate_limits.in_redis import RedisCounter
from cms.rate_limits.quotas import Quota

TOLD_EVERY_S: Final = 0.020
LEFT_MIN: Final = 100
SUBJECTS_MAX: Final = 20_000  # some 6 MB; for a forgotten one Redis is asked again


@dataclass(slots=True)
class Known:
    """The state of a quota in the window that ends at `ends_at_ms`."""

    left: int
    """By the last answer of Redis, less all that Redis has been told since."""
    ends_at_ms: int
    untold: int = 0
    """The number that passed since then."""


class CountingAhead:
    def __init__(self, counter: RedisCounter) -> None:
        self._counter = counter
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._untold: dict[str, Quota] = {}
        self._has_untold = threading.Event()
        self._teller: threading.Thread | None = None

    def take(self, quota: Quota, now_ms: int) -> list[int] | None:
        """Return the answer of `take.lua` for this quota; None when Redis has to be asked and can't be."""
        with self._lock:
            if ahead := self._count_ahead(quota, 1, now_ms):
                return ahead
            passed = self._take_untold(quota.key)
        answer = self._counter.take([quota], now_ms, passed)
        if answer:
            with self._lock:
                self._learn(quota.key, answer, now_ms)
        return answer

    def add(self, quota: Quota, amount: int, now_ms: int) -> list[int] | None:
        """Count an amount in any case; 0 only looks. Return as `take`, with the amount counted."""
        with self._lock:
            if ahead := self._count_ahead(quota, amount, now_ms):
                return ahead
            amount += self._take_untold(quota.key)
        answers = self._counter.add([(quota, amount)], now_ms)
        if not answers:
            return None
        with self._lock:
            self._learn(quota.key, answers[0], now_ms)
        return answers[0]

    def _count_ahead(self, quota: Quota, amount: int, now_ms: int) -> list[int] | None:
        """Count in this process, if that much is left; None otherwise."""
        known = self._known.get(quota.key)
        if not known or now_ms >= known.ends_at_ms:
            return None
        left = known.left - known.untold - amount
        if left < left_min(quota.policy.limit):
            return None
        if amount and not known.untold:
            self._note_untold(quota)
        known.untold += amount
        return [0, left, known.ends_at_ms - now_ms]

    def tell(self) -> None:
        """Hand over what passed. Drop what can't be handed over: while Redis is away, each process counts alone."""
        with self._telling:
            with self._lock:
                quotas, self._untold = list(self._untold.values()), {}
                self._has_untold.clear()
                passed = [(quota, count) for quota in quotas if (count := self._take_untold(quota.key))]
            if not passed:
                return
            now_ms = int(clock.now().timestamp() * 1_000)
            answers = self._counter.add(passed, now_ms)
            with self._lock:
                if answers is None:
                    self._known.clear()
                for (quota, _), answer in zip(passed, answers or (), strict=False):
                    self._learn(quota.key, answer, now_ms)

    def clear(self) -> None:
        """Forget all; report nothing that passed before."""
        with self._telling, self._lock:
            self._known.clear()
            self._untold.clear()

    def _take_untold(self, key: str) -> int:
        known = self._known.get(key)
        if known is None:
            return 0
        passed, known.untold = known.untold, 0
        known.left -= passed
        return passed

    def _learn(self, key: str, answer: list[int], now_ms: int) -> None:
        _, left, rest_ms = answer
        known = self._known.setdefault(key, Known(left, now_ms + rest_ms))
        known.left, known.ends_at_ms = left, now_ms + rest_ms
        self._known.move_to_end(key)
        if len(self._known) > SUBJECTS_MAX:
            key, oldest = self._known.popitem(last=False)
            if oldest.untold:  # not yet: it is told of first
                self._known[key] = oldest

    def _note_untold(self, quota: Quota) -> None:
        self._untold[quota.key] = quota
        self._has_untold.set()
        if self._teller is None:
            self._teller = threading.Thread(target=self._keep_telling, name="rate-limits", daemon=True)
            self._teller.start()
            atexit.register(self.tell)

    def _keep_telling(self) -> None:
        while True:
            self._has_untold.wait()
            time.sleep(TOLD_EVERY_S)
            self.tell()


def left_min(limit: int) -> int:
    """Return how many have to be left for a request to pass before it is counted in Redis."""
    return max(LEFT_MIN, limit // 10)
