"""A worker's loops: each does one kind of work in a thread of its own, again and again, and survives its errors."""

import contextlib
import logging
import threading
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


def run_once(works: Sequence[Work]) -> None:
    """Do everything that is due, also what comes of it meanwhile. Errors are the caller's."""
    while sum(work.turn() for work in works):  # a sum: none is left out because another had something to do
        pass


def run_until(is_told_to_stop: Callable[[float], bool], works: Sequence[Work]) -> bool:
    """Run all of them until that, which waits so many seconds for being told, says so, and each has ended its turn.

    False when a loop has died of itself: then the others end as well.
    """
    stop = threading.Event()
    threads = [threading.Thread(target=_loop, args=(work, stop), name=work.name) for work in works]
    for thread in threads:
        thread.start()
    is_well = True
    while is_well and not is_told_to_stop(1):
        is_well = all(thread.is_alive() for thread in threads)
    if is_well:
        logger.info("stopping after the work in hand")
    stop.set()
    for thread in threads:
        thread.join()
    return is_well


def _loop(work: Work, stop: threading.Event) -> None:
    failures = 0
    try:
        while not stop.is_set():
            try:
                close_old_connections()
                pause_s = 0.0 if work.turn() else work.pause_s
                failures = 0
            except Exception:
                failures += 1
                pause_s = min(LONGEST_PAUSE_S, 2.0 ** (failures - 1))
                logger.exception("%s failed; it goes on in %g s", work.name, pause_s)
                _drop_connections()
            stop.wait(pause_s)
    finally:
        _drop_connections()


def _drop_connections() -> None:
    """A connection that broke in the middle of a transaction is of no more use; a new one is made when needed."""
    with contextlib.suppress(Exception):
        connections.close_all()
