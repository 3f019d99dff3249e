"""How much of the processor's time a block takes in its thread, without what other tests have left behind."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Spent:
    """Seconds, once the block has ended."""

    seconds = 0.0


@contextmanager
def processor_time() -> Iterator[Spent]:
    """Measure a block. A full collection within it looks at its own objects alone: at a whole suite's it takes a second."""
    spent = Spent()
    gc.freeze()
    began = time.thread_time()
    try:
        yield spent
    finally:
        spent.seconds = time.thread_time() - began
        gc.unfreeze()
