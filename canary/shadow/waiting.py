"""Reads that wait to be repeated, taken so that each caller has the same share of the time that repeats take.

By their order alone, strangers whose repeats are dear would keep those of everybody else from being made.
"""

import random
import threading
from collections import deque
from typing import Final

from canary.shadow.asking import Read

CALLERS_MAX: Final = 1_000
"""So many callers at most are remembered between their reads, and at least half as many: those who have had most."""


class Waiting:
    """At most `most`; one more takes the place of the last one of the caller who has most. For several threads.

    Start-time fair queuing (Goyal, Vin and Cheng 1997): a caller's turn comes at the time, of a clock that counts
    seconds of repeats, at which its last repeat ended. It is now for a caller who has had less than the others.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._reads: dict[str, deque[Read]] = {}
        self._turn_at: dict[str, float] = {}
        """The turns of callers who wait, and of those who would have to."""
        self._clock = 0.0
        """The turn of the last one whose read was taken."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return sum(map(len, self._reads.copy().values()))

    def put(self, read: Read) -> Read | None:
        """Have the read wait; return the one that is dropped for it, perhaps itself."""
        caller = caller_of(read)
        with self._lock:
            dropped = None
            if len(self) >= self._most:
                longest = max(self._reads, key=lambda name: len(self._reads[name]))
                if len(self._reads[longest]) <= len(self._reads.get(caller, ())):
                    return read
                dropped = self._pop(longest, is_first=False)
            self._reads.setdefault(caller, deque()).append(read)
            self._turn_at[caller] = max(self._clock, self._turn_at.get(caller, 0.0))
            return dropped

    def take(self) -> Read | None:
        """Return the read whose caller's turn comes first; by lot among several, None when nothing waits."""
        with self._lock:
            if not self._reads:
                return None
            caller = min(self._reads, key=lambda name: (self._turn_at[name], random.random()))  # noqa: S311
            self._clock = self._turn_at[caller]
            return self._pop(caller, is_first=True)

    def spend(self, read: Read, seconds: float) -> None:
        """Put the next turn of the caller off by the time that the repeat took."""
        caller = caller_of(read)
        with self._lock:
            self._turn_at[caller] = max(self._clock, self._turn_at.get(caller, 0.0)) + seconds
            if len(self._turn_at) > CALLERS_MAX + self._most:
                resting = sorted(self._turn_at.keys() - self._reads.keys(), key=self._turn_at.__getitem__)
                for name in resting[: len(resting) - CALLERS_MAX // 2]:
                    del self._turn_at[name]

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
