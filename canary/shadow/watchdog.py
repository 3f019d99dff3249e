"""Runs a function in a thread of its own and ends the wait at a deadline, even if the function does not end.

Python can't kill a thread. A late thread gets an exception while it runs a view's own code. A thread that stays in C
code or in a library is given up: it loses its database connection, and another thread takes its place.
"""

import contextlib
import ctypes
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from types import FrameType
from typing import Any, Final

from canary.shadow.own_connections import own_connection

GRACE_S: Final = 0.2
"""For a late thread to end by the exception: to roll back and to close its connection."""
LOOK_EVERY_S: Final = 0.002
NOT_OF_VIEWS: Final = ("<", str(Path(os.__file__).parent), str(Path(__file__).parents[1]))
"""How the file names of other code begin: frozen modules, the standard library, and the canary."""
INSTALLED: Final = ("site-packages", "dist-packages")
LOST_MAX: Final = 2
"""Threads that are given up and still there. With more of them nothing is run any more."""


class OverdueError(Exception):
    """The deadline has passed; `is_lost` when the thread had to be given up."""

    def __init__(self, *, is_lost: bool) -> None:
        super().__init__(is_lost)
        self.is_lost = is_lost


class StoppedError(Exception):
    """Too many threads hang: nothing is run until they end, or the process does."""


class Interrupted(BaseException):
    """Raised inside a late thread. No Exception, so that a view that survives everything does not survive this."""


class Watchdog:
    """Used by one thread at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._worker: _Worker | None = None
        self._lost: list[_Worker] = []

    @property
    def lost(self) -> int:
        """Return how many threads were given up and have not ended since."""
        self._lost = [worker for worker in self._lost if worker.is_alive()]
        return len(self._lost)

    def run[T](self, work: Callable[[], T], seconds: float) -> T:
        """Return what `work` returns, or raise what it raises. Raises OverdueError and StoppedError."""
        if self.lost >= LOST_MAX:
            raise StoppedError
        if self._worker is None or not self._worker.is_alive():
            self._worker = _Worker(self._name)
        future = self._worker.begin(work)
        if wait([future], seconds).done:
            return future.result()
        raise OverdueError(is_lost=self._give_up(self._worker))

    def rest(self) -> None:
        """End the thread, and with it its database connection, until there is work again."""
        if self._worker is not None:
            self._worker.end()
            self._worker = None

    def forget(self) -> None:
        """Forget the threads in a child: they stayed with the parent."""
        self._worker, self._lost = None, []

    def _give_up(self, worker: "_Worker") -> bool:
        """Give the thread up for ever: the exception may reach it after it has gone on. Return whether it hangs."""
        self._worker = None
        worker.interrupt()
        if not worker.is_alive():
            return False
        worker.drop_connection()
        self._lost.append(worker)
        return True


class _Worker:
    def __init__(self, name: str) -> None:
        self._tasks: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._own: Any = None
        # A daemon: one that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def begin[T](self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._tasks.put((work, future))
        return future

    def end(self) -> None:
        self._tasks.put(None)
        self._thread.join(GRACE_S)

    def interrupt(self) -> None:
        """Interrupt once: a second exception could meet the thread while it cleans up after the first."""
        self._tasks.put(None)
        ends_at = time.monotonic() + GRACE_S
        while self.is_alive() and time.monotonic() < ends_at:
            frame = sys._current_frames().get(self._thread.ident or 0)
            if frame is not None and _is_of_a_view(frame):
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self._thread.ident or 0), ctypes.py_object(Interrupted)
                )
                break
            self._thread.join(LOOK_EVERY_S)
        self._thread.join(GRACE_S)

    def drop_connection(self) -> None:
        """End its work in the database: an open snapshot holds back what VACUUM, or SQLite's checkpoint, could free.

        Closing the connection would free memory that the other thread uses in C, and end the process.
        """
        raw = getattr(self._own, "connection", None)
        if raw is None:
            return
        with contextlib.suppress(Exception):
            if self._own.vendor == "sqlite":
                raw.interrupt()
                return
            with socket.socket(fileno=os.dup(raw.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

    def _loop(self) -> None:
        with contextlib.suppress(Interrupted), own_connection() as self._own:
            while (task := self._tasks.get()) is not None:
                work, future = task
                try:
                    future.set_result(work())
                except Interrupted:
                    raise
                except BaseException as error:  # one that would end the thread is a failure as well
                    future.set_exception(error)


def _is_of_a_view(frame: FrameType) -> bool:
    """Return whether an exception that is raised here leaves no lock taken that requests wait for.

    Libraries take a lock in the line before their `try`. An exception between the two leaves it taken for ever.
    """
    code = frame.f_code
    is_foreign = code.co_filename.startswith(NOT_OF_VIEWS) or any(name in code.co_filename for name in INSTALLED)
    return not is_foreign and "acquire" not in code.co_names
