"""Long texts are parsed in a process of its own, which has so much time and memory: no text takes more from a server.

No parser of HTML keeps a bound of its own, and every count of what one may take has had gaps. The process is started
for one text, which takes some 25 ms, and does nothing else.
"""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from django.utils.translation import gettext_noop

from cms.costs.turns import Busy
from cms.text.child import TOO_MUCH

SECONDS_MAX: Final = 2
"""Processor time. The densest megabyte that is not hostile takes 1.1 s: Markdown's tables."""
MEMORY_BYTES_MAX: Final = 384 * 1024 * 1024
"""The same megabyte takes 256 MiB."""
WAITED_S_MAX: Final = 30.0
"""By the clock, on a machine that has much else to do."""
_WHAT: Final = gettext_noop("long texts are worked on")
_ROOT: Final = str(Path(__file__).resolve().parents[2])
_CHILD: Final = "import sys; sys.path.insert(0, sys.argv[1]); from cms.text.child import main; main(*sys.argv[2:])"
_TOO_MUCH: Final = {TOO_MUCH, -signal.SIGXCPU, -signal.SIGABRT, -signal.SIGSEGV}
"""How a process ends that gets no more time, memory or stack."""


def sanitised_html_apart(content: str, *, is_markdown: bool) -> str | None:
    """Return what `sanitised_html` does, and None too where a text takes too much.

    Raises Busy where the system has no room for a process, or ends it for another reason.
    """
    words = [sys.executable, "-I", "-c", _CHILD, _ROOT, str(SECONDS_MAX), str(MEMORY_BYTES_MAX), str(int(is_markdown))]
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            words, input=content.encode(), capture_output=True, timeout=WAITED_S_MAX, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Busy(_WHAT) from error
    if done.returncode == 0:
        return done.stdout.decode()
    if done.returncode in _TOO_MUCH:
        return None
    if done.returncode < 0:
        raise Busy(_WHAT)
    raise RuntimeError(f"The process that parses a text ended with {done.returncode}: {done.stderr[-2_000:]!r}")
