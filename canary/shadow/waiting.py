"""Reads that wait to be repeated, taken so that each caller has the same share of the time that repeats take.

By their order alone, a stranger whose repeats are dear would keep those of everybody else from being made.
"""

import threading
from collections import deque
from typing import Final

from canary.shadow.asking import Read

FORGET_AFTER_S: Final = 60.0
"""After so long the callers' times begin from zero."""


class Waiting:
    """At most `most`; one more takes the place of the last one of the caller who has most. For several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._reads: dict[str, deque[Read]] = {}
        """By caller, in the order in which they came."""
        self._spent_s: dict[str, float] = {}
        self._since_s = float("-inf")
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return sum(map(len, self._reads.copy().values()))

    def put(self, read: Read) -> Read | None:
        """Have the read wait; return the one that is dropped for it, perhaps itself."""
        with self._lock:
            dropped = self._make_room(caller_of(read)) if len(self) >= self._most else None
            if dropped is not None or len(self) < self._most:
                self._reads.setdefault(caller_of(read), deque()).append(read)
                return dropped
            return read

    def take(self) -> Read | None:
        """Return the next read, of a caller whose repeats have taken least time; None when nothing waits."""
        with self._lock:
            caller = min(self._reads, key=lambda name: self._spent_s.get(name, 0.0), default=None)
            return None if caller is None else self._pop(caller, is_first=True)

    def spend(self, read: Read, seconds: float, now_s: float) -> None:
        with self._lock:
            if now_s - self._since_s > FORGET_AFTER_S:
                self._spent_s, self._since_s = {}, now_s
            caller = caller_of(read)
            self._spent_s[caller] = self._spent_s.get(caller, 0.0) + seconds

    def _make_room(self, caller: str) -> Read | None:
        """Return what is dropped; None when the caller has as many as anybody."""
        longest = max(self._reads, key=lambda name: len(self._reads[name]))
        has = len(self._reads.get(caller, ()))
        return self._pop(longest, is_first=False) if len(self._reads[longest]) > has else None

    def _pop(self, caller: str, *, is_first: bool) -> Read:
        reads = self._reads[caller]
        read = reads.popleft() if is_first else reads.pop()
        if not reads:
            del self._reads[caller]
        return read


def caller_of(read: Read) -> str:
    """Return the person, where one is vouched for, else the network."""
    voter = read.voter
    return "" if voter is None else voter.unit if voter.is_authenticated else voter.network
