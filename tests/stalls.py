"""A clock for promises that are a time: it stands still while the machine does, or keeps a thread waiting that wants to run.

On a machine that has time for everybody it is the monotonic clock. On one that is stopped for a second, or does other things,
what is late for that alone is not late by this clock.
"""

import threading
import time
from typing import Final

NAP_S: Final = 0.01
ON_TIME_S: Final = 0.06
"""Between two naps' ends: so much the threads of a process take from each other, without the machine having a part in it."""


class _Watch:
    """One thread that naps, and notes by how much it was woken too late."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lost_s, self._woken_at = 0.0, time.monotonic()
        self._stalls: list[tuple[float, float]] = []
        """When each ended, in unix seconds, and how long it was."""
        threading.Thread(target=self._nap, name="stalls", daemon=True).start()

    def _nap(self) -> None:
        while True:
            time.sleep(NAP_S)
            with self._lock:
                now = time.monotonic()
                late_s = now - self._woken_at - ON_TIME_S
                if late_s > 0:
                    self._lost_s += late_s
                    self._stalls.append((time.time(), late_s))
                self._woken_at = now

    def time(self) -> float:
        with self._lock:
            now = time.monotonic()
            # What comes later is later, by a little, also while the clock stands still.
            return min(now, self._woken_at + ON_TIME_S) - self._lost_s + now * 1e-6

    def stalled_s(self, since: float, until: float) -> float:
        with self._lock:
            # Its own thread may not have been woken yet.
            present = (time.time(), time.monotonic() - self._woken_at - ON_TIME_S)
            stalls = [*self._stalls, present] if present[1] > 0 else self._stalls
            return sum(late_s for ended_at, late_s in stalls if since < ended_at and ended_at - late_s < until)


_watch = _Watch()


def fair_time() -> float:
    """In seconds, of no meaning but by their difference."""
    return _watch.time()


def let_pass(moment: float) -> None:
    """Until `fair_time` is there: a promise is about time, so a test has to let it pass."""
    while (left_s := moment - fair_time()) > 0:
        time.sleep(left_s)


def stalled_s(since: float, until: float) -> float:
    """How much of the time between these unix seconds the clock stood still."""
    return _watch.stalled_s(since, until)
