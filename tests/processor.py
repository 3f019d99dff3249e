"""How much of the processor's time a block takes, without what other tests have left behind."""

import gc
import resource
from collections.abc import Iterator
from contextlib import contextmanager


class Spent:
    """Seconds, once the block has ended."""

    seconds = 0.0


@contextmanager
def processor_time() -> Iterator[Spent]:
    """Measure a block in its thread, and the processes that have ended, to about 10 ms.

    A full collection in it looks at its own objects: at a whole suite's it takes 1 s.

    The kernel's time is left out. A virtual machine may need 0.1 ms for each page that its host first has to find:
    0.7 s for a block that takes 0.1 s here. Memory has bounds of its own.
    """
    spent = Spent()
    gc.freeze()
    began = _user_seconds()
    try:
        yield spent
    finally:
        spent.seconds = _user_seconds() - began
        gc.unfreeze()


def _user_seconds() -> float:
    return sum(resource.getrusage(who).ru_utime for who in (resource.RUSAGE_THREAD, resource.RUSAGE_CHILDREN))
