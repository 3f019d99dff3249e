"""The progress of a long command: a bar on a terminal, a plain line now and then elsewhere."""

import time
from collections.abc import Callable
from typing import TextIO

BAR_WIDTH = 30
REDRAW_EVERY_S = 0.1
LINE_EVERY_S = 5.0


class Progress:
    """`advance()` for each thing done, `finish()` at the end. Without a `total` the count alone is shown.

    Writes to `stream` (standard error by custom, so that standard output stays clean for results).
    """

    def __init__(
        self, label: str, stream: TextIO, total: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.label, self.stream, self.total, self.clock = label, stream, total, clock
        self.is_terminal = stream.isatty()
        self.done = 0
        self._shown_at = clock()

    def advance(self, count: int = 1) -> None:
        self.done += count
        now = self.clock()
        if now - self._shown_at >= (REDRAW_EVERY_S if self.is_terminal else LINE_EVERY_S):
            self._shown_at = now
            self._show(end="" if self.is_terminal else "\n")

    def finish(self) -> None:
        self._show(end="\n")

    def _show(self, end: str) -> None:
        start = "\r" if self.is_terminal else ""
        self.stream.write(f"{start}{self.label}: {self._state()}{end}")
        self.stream.flush()

    def _state(self) -> str:
        if self.total is None:
            return f"{self.done:,}"
        share = self.done / self.total if self.total else 1.0
        text = f"{self.done:,} of {self.total:,} ({share:.0%})"
        if not self.is_terminal:
            return text
        filled = round(BAR_WIDTH * share)
        return f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {text}"
