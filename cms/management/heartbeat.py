"""The heartbeat file of a background command: its age tells a health check whether the command's loop still turns.

`canary.management.heartbeat` is its twin: neither package may import the other.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

from django.core.management.base import CommandError, CommandParser


def add_heartbeat_argument(parser: CommandParser) -> None:
    parser.add_argument(
        "--heartbeat",
        type=Path,
        metavar="FILE",
        help="touch FILE about once a second while the loop runs, so that a health check can look at its age",
    )


def beat_into(file: Path | None) -> Callable[[], None]:
    """Return what touches `file`, after touching it once. Raise CommandError if it cannot be written."""
    if file is None:
        return lambda: None
    try:
        file.touch()
    except OSError as error:
        raise CommandError(f"--heartbeat: {file} cannot be written: {error.strerror}.", returncode=2) from error

    def beat() -> None:
        with contextlib.suppress(OSError):  # an old file already says unhealthy; the work goes on
            file.touch()

    return beat
