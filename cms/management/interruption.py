"""Ending a command that is told to stop."""

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def stopped_in_order() -> Iterator[None]:
    """SIGTERM, as service managers send it, ends the block as Ctrl-C does: by KeyboardInterrupt, and what is half done goes."""
    if (
        threading.current_thread() is not threading.main_thread()
    ):  # no other may set handlers, nor does any get a signal
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
