"""End a command that is asked to stop, after the work in hand.

`cms.management.interruption` is its twin: neither package may import the other.
"""

import signal
from collections.abc import Callable
from queue import Empty, SimpleQueue


def stop_requests() -> Callable[[float], bool]:
    """Turn SIGTERM and SIGINT into requests to stop, and return a function that waits for one.

    The function waits at most the given seconds and returns whether there was a request. Both are for the main thread.
    The second signal ends the process as it would have without us. A `threading.Event` would not do: its `set` in a
    handler waits for ever if the interrupted thread holds its lock, because it was about to wait or to go on.
    """
    requests: SimpleQueue[int] = SimpleQueue()  # whose put is made for handlers

    def note(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        requests.put(number)

    def wait(seconds: float) -> bool:
        try:
            requests.put(requests.get(timeout=seconds))  # the next call returns the same
        except Empty:
            return False
        return True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return wait
