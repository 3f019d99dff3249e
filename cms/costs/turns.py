"""Work that keeps a processor or much memory for long: so much at a time in each process, and few requests wait for it.

Further ones are refused at once, so that ordinary reads keep their threads.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Busy(Exception):
    """As much of this work as may is being done or waited for. The message says of what."""


class Bounded:
    """Work of one kind in this process: `at_once` do it, `waiting` more wait for at most `patience_s` seconds."""

    def __init__(self, what: str, *, at_once: int, waiting: int, patience_s: float) -> None:
        self._what, self._patience_s = what, patience_s
        self._sizes = at_once, at_once + waiting
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """A forked process has none of its parent's threads, which would never give their turns back."""
        at_once, places = self._sizes
        self._turns, self._places = threading.Semaphore(at_once), threading.Semaphore(places)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn and hold it. Raises Busy."""
        if not self._places.acquire(blocking=False):
            raise Busy(self._what)
        try:
            if not self._turns.acquire(timeout=self._patience_s):
                raise Busy(self._what)
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._places.release()
