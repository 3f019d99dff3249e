"""What a view of a broken v2 does to the process that answers: it keeps a thread, or ends all of them."""

import ctypes
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from django.db import connection

LOOK_EVERY_S: Final = 0.05


def hang(goes_on: Callable[[], bool]) -> None:
    while goes_on():
        time.sleep(LOOK_EVERY_S)


def wait_for_sql(seconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])


def exit_at_once() -> None:
    os._exit(1)


def kill() -> None:
    """As the kernel does for want of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def segfault() -> None:
    ctypes.string_at(0)


_executors: Final[list[ThreadPoolExecutor]] = []


def ask_in_threads() -> None:
    """Ask three things at once, in threads that never end and that no signal of the request's end reaches."""
    _executors.append(ThreadPoolExecutor(3))
    list(_executors[-1].map(_ask_slowly, range(3)))


def _ask_slowly(_: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.05)")
