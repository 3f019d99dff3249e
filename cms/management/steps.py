"""The progress of a command that goes through several steps, on standard error."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from cms.management.progress import LINE_EVERY_S, Progress


class Steps:
    """`begin` ends the step before. A log shows a step only when it takes long: a short one needs no line."""

    def __init__(self) -> None:
        self._current: Progress | None = None
        self._began_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()

    def begin(self, label: str, total: int | None) -> Callable[[int], None]:
        self._finish()
        self._current, self._began_at = Progress(label, sys.stderr, total=total), time.monotonic()
        return self._current.advance

    def _finish(self) -> None:
        current = self._current
        if current and current.done and (current.is_terminal or time.monotonic() - self._began_at >= LINE_EVERY_S):
            current.finish()
        self._current = None
