"""Progress as a terminal and as a log file see it."""

import io

from cms.management.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_terminal_sees_one_bar_redrawn_in_its_place() -> None:
    stream, clock = Terminal(), Clock()
    progress = Progress("Posts", stream, total=10, clock=clock)
    for _ in range(10):
        clock.now += 0.2
        progress.advance()
    progress.finish()
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith(f"\rPosts: [{'#' * 30}] 10 of 10 (100%)\n")


def test_a_log_file_sees_a_plain_line_every_few_seconds() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress("Posts", stream, total=1_000, clock=clock)
    for _ in range(1_000):
        clock.now += 0.011
        progress.advance()
    progress.finish()
    lines = stream.getvalue().splitlines()
    assert "\r" not in stream.getvalue()
    assert len(lines) == 3  # after 5 s, after 10 s, and at the end
    assert lines[-1] == "Posts: 1,000 of 1,000 (100%)"


def test_without_a_total_the_count_alone_is_shown() -> None:
    stream = io.StringIO()
    progress = Progress("Items", stream)
    progress.advance(3)
    progress.finish()
    assert stream.getvalue() == "Items: 3\n"
