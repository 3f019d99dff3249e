"""A worker's loops: each does one kind of work in a thread of its own, again and again, and survives its errors."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import close_old_connections, connections

LONGEST_PAUSE_S: Final = 30.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """`turn` does what is due, a bounded piece of it, and says whether there was something to do."""

    name: str
    turn: Callable[[], bool]
    pause_s: float
    """How long to wait after a turn that found nothing."""
    turn_limit_s: float = float("inf")
    """A turn that takes longer counts as stalled."""


class _Loop(threading.Thread):
    def __init__(self, work: Work, stop: threading.Event) -> None:
        super().__init__(name=work.name)
        self.work = work
        self._stop_asked = stop
        self._turn_began_at: float | None = None

    def is_stalled(self) -> bool:
        began_at = self._turn_began_at
        return began_at is not None and time.monotonic() - began_at > self.work.turn_limit_s

    def run(self) -> None:
        failures = 0
        try:
            while not self._stop_asked.is_set():
                self._turn_began_at = time.monotonic()
                try:
                    close_old_connections()
                    pause_s = 0.0 if self.work.turn() else self.work.pause_s
                    failures = 0
                except Exception:
                    failures += 1
                    pause_s = min(LONGEST_PAUSE_S, 2.0 ** (failures - 1))
                    logger.exception("%s failed; it goes on in %g s", self.name, pause_s)
                    _drop_connections()
                self._turn_began_at = None
                self._stop_asked.wait(pause_s)
        finally:
            _drop_connections()


def run_once(works: Sequence[Work]) -> None:
    """Do everything that is due, also what comes of it meanwhile. Errors are the caller's."""
    while sum(work.turn() for work in works):  # a sum: none is left out because another had something to do
        pass


def run_until(
    is_told_to_stop: Callable[[float], bool], works: Sequence[Work], beat: Callable[[], None] = lambda: None
) -> bool:
    """Run all loops until `is_told_to_stop` returns True and each loop has ended its turn.

    `is_told_to_stop` waits for at most the given number of seconds. `beat` is called once a second while no loop is
    stalled. Returns False when a loop has died by itself: then the others end as well.
    """
    stop = threading.Event()
    loops = [_Loop(work, stop) for work in works]
    for loop in loops:
        loop.start()
    is_well, stalled_before = True, set[str]()
    while is_well and not is_told_to_stop(1):
        is_well = all(loop.is_alive() for loop in loops)
        stalled = {loop.name for loop in loops if loop.is_stalled()}
        for name in sorted(stalled - stalled_before):
            logger.error("%s is stalled: its turn exceeds the limit", name)
        stalled_before = stalled
        if not stalled:
            beat()
    if is_well:
        logger.info("stopping after the work in hand")
    stop.set()
    for loop in loops:
        loop.join()
    return is_well


def _drop_connections() -> None:
    """Drop the connections: one that broke within a transaction is of no use; a new one is made when needed."""
    with contextlib.suppress(Exception):
        connections.close_all()
