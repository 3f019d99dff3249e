"""Work that keeps a processor or much memory for long: so much at a time in each process, and few requests wait for it.

Further ones are refused at once, so that ordinary reads keep their threads. Commands and workers wait for their turn.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Final

from cms.costs.answering import is_answering

CREDIT_A_SECOND: Final = 0.05
"""So many seconds of waiting beyond the places come back in each second: a twentieth of one thread, in the long run."""


class Busy(Exception):
    """As much of this work as may is being done or waited for. The message says of what."""


class Credit:
    """Seconds that may be spent, at most `most_s` at once. They may be overspent, and are owed then."""

    def __init__(self, most_s: float) -> None:
        self._most_s = self._left_s = most_s
        self._known_at, self._guard = float("-inf"), threading.Lock()

    def left_at(self, now: float) -> float:
        """Return what is left at `now`, in seconds of a monotonic clock; 0 while some are owed."""
        with self._guard:
            self._left_s = min(self._most_s, self._left_s + (now - self._known_at) * CREDIT_A_SECOND)
            self._known_at = now
            return max(0.0, self._left_s)

    def spend(self, seconds: float) -> None:
        with self._guard:
            self._left_s -= seconds


class Bounded:
    """Work of one kind in this process: `at_once` do it, `waiting` more requests wait for at most `patience_s` seconds.

    In a burst more than that wait for a place: together for so many seconds as `burst_s`, which come back slowly. So a
    crowd that lasts is refused at once.
    """

    def __init__(self, what: str, *, at_once: int, waiting: int, patience_s: float, burst_s: float = 0.0) -> None:
        self._what, self._patience_s, self._burst_s = what, patience_s, burst_s
        self._sizes = at_once, at_once + waiting
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """A forked process has none of its parent's threads, which would never give their turns back."""
        at_once, places = self._sizes
        self._turns, self._places = threading.Semaphore(at_once), threading.Semaphore(places)
        self._credit = Credit(self._burst_s)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn and hold it. Raises Busy, but only where a request is answered."""
        with self._place() if is_answering() else nullcontext():
            while not self._turns.acquire(timeout=self._patience_s):
                if is_answering():
                    raise Busy(self._what)
            try:
                yield
            finally:
                self._turns.release()

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not (self._places.acquire(blocking=False) or self._wait_for_a_place()):
            raise Busy(self._what)
        try:
            yield
        finally:
            self._places.release()

    def _wait_for_a_place(self) -> bool:
        began_at = time.monotonic()
        is_taken = self._places.acquire(timeout=self._credit.left_at(began_at))
        self._credit.spend(time.monotonic() - began_at)
        return is_taken
