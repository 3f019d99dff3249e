"""Work that takes long, done before the transaction that needs its result: SQLite has one writer at a time."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from cms.errors import CmsError


class Ahead[Result]:
    """One kind of such work. `work` is all that its result depends on."""

    def __init__(self, name: str) -> None:
        self._kept: Final = ContextVar[tuple[object, Future[Result]] | None](name, default=None)

    @contextmanager
    def done(self, work: object, do: Callable[[], Result]) -> Iterator[None]:
        """Do it now, unless it was done. Inside this block `result_of` returns the result, or raises the refusal."""
        kept = self._kept.get()
        if kept and kept[0] == work:
            yield
            return
        future: Future[Result] = Future()
        try:
            future.set_result(do())
        except CmsError as refusal:
            future.set_exception(refusal)
        token = self._kept.set((work, future))
        try:
            yield
        finally:
            self._kept.reset(token)

    def result_of(self, work: object, do: Callable[[], Result]) -> Result:
        """Return what was done before, or else do it now."""
        kept = self._kept.get()
        return kept[1].result() if kept and kept[0] == work else do()
