"""The process that `apart.py` starts: a text comes in, its HTML goes out, within limits that the system keeps."""

import contextlib
import resource
import sys
from pathlib import Path
from typing import Final

from cms.text.parsing import sanitised_html

TOO_MUCH: Final = 3
"""The status of its end, where HTML would be too long or too deep, or take too much memory."""


def main(seconds: str, memory_bytes: str, is_markdown: str) -> None:
    """Read UTF-8 to its end, and write UTF-8."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
    with contextlib.suppress(ValueError, OSError):  # not every system has it
        resource.setrlimit(resource.RLIMIT_AS, (int(memory_bytes), int(memory_bytes)))
    with contextlib.suppress(OSError):  # where memory gets short, this process goes before the server does
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    try:
        html = sanitised_html(sys.stdin.buffer.read().decode(), is_markdown=bool(int(is_markdown)))
        if html is None:
            sys.exit(TOO_MUCH)
        sys.stdout.buffer.write(html.encode())
    except MemoryError:
        sys.exit(TOO_MUCH)
