"""A stampede: many ask at once for what isn't there, and one of them makes it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from api_v2.public_bodies.store import Key
from cms.costs.turns import DEAR, BoundedIfSlow

WAIT_S: Final = 5.0
"""After so long nobody waits any more for another one's computation."""

WAITING: Final = BoundedIfSlow("requests wait for one answer", grace_s=0.25, burst_s=5.0, places=DEAR)


class Turns:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[Key, threading.Event] = {}

    @contextmanager
    def turn(self, key: Key) -> Iterator[bool]:
        """Return True at once for the first; for others False, when the first has left the block. Raises Busy."""
        with self._lock:
            running = self._running.get(key)
            if running is None:
                self._running[key] = mine = threading.Event()
        if running is not None:
            with WAITING.turn():
                running.wait(WAIT_S)
            yield False
            return
        try:
            yield True
        finally:
            with self._lock:
                del self._running[key]
            mine.set()
