"""Programs of the machine: run one, and say what it wrote when it fails."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scripts.staging_compose.errors import PlayError

LIMIT_S: Final = 600
TAIL: Final = 3_000


def run(
    command: Sequence[str | Path], *, cwd: Path | None = None, stdin: str | None = None, limit_s: float = LIMIT_S
) -> str:
    """Return what the program printed. Raise PlayError with the end of its output when it fails or takes too long."""
    words = [str(word) for word in command]
    name = " ".join(words[:6])
    try:
        done = subprocess.run(words, cwd=cwd, input=stdin, capture_output=True, text=True, check=False, timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        raise PlayError(f"{name} … takes longer than {limit_s:g} s.") from error
    if done.returncode:
        raise PlayError(f"{name} … ended with {done.returncode}:\n{(done.stdout + done.stderr)[-TAIL:]}")
    return done.stdout
