"""Tasks for the tests of the worker, also of workers that run as processes."""

import os
import time
from pathlib import Path
from typing import Any

from django.tasks import task


@task
def add(a: int, b: int) -> int:
    return a + b


@task(takes_context=True)
def tell_attempt(context: Any) -> Any:
    return context.attempt


@task
async def add_later(a: int, b: int) -> int:
    return a + b


@task
def fail(text: str) -> None:
    raise ValueError(f"{text} \x00 \ud800")  # texts that no JSON column holds


@task
def leave() -> None:
    raise SystemExit(3)


@task
def give_nul() -> str:
    return "a\x00b"


@task
def write_and_wait(folder: str) -> int:
    """Leaves `started-PID`, waits for `go`, leaves `finished-PID`."""
    (Path(folder) / f"started-{os.getpid()}").touch()
    deadline = time.monotonic() + 60
    while not (Path(folder) / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    (Path(folder) / f"finished-{os.getpid()}").touch()
    return os.getpid()
