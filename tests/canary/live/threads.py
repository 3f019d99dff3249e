"""Threads that go on until a block ends."""

import contextlib
import threading
from collections.abc import Iterator, Sequence


@contextlib.contextmanager
def going_on(threads: Sequence[threading.Thread], is_over: threading.Event) -> Iterator[None]:
    """They watch `is_over` for when to end; all have ended after the block."""
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
