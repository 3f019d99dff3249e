"""End a command that is asked to stop: at once, or after the work in hand.

`canary.management.interruption` is its twin: neither package may import the other.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue


@contextlib.contextmanager
def stopped_in_order() -> Iterator[None]:
    """End the block by KeyboardInterrupt on SIGTERM, as Ctrl-C does, so that unfinished work is removed.

    Service managers send SIGTERM.
    """
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


def stop_requests() -> Callable[[float], bool]:
    """Make SIGTERM and SIGINT requests to stop. Return a function that waits for one, and returns whether one came.

    It waits at most so many seconds. Both functions are for the main thread. The second signal ends the process as it
    would have without us. No `threading.Event`: its `set` in a handler waits for ever if the interrupted thread has its
    lock, being about to wait or to go on.
    """
    requests: SimpleQueue[int] = SimpleQueue()  # whose put is made for handlers

    def note(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        requests.put(number)

    def wait(seconds: float) -> bool:
        try:
            requests.put(requests.get(timeout=seconds))  # and asked again it says the same
        except Empty:
            return False
        return True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return wait
