"""`python -m tests.chaos`: faults under load on a staging of its own, by SEED, DURATION (seconds) and FAULTS."""

import fcntl
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Final

from scripts.staging_local.errors import StagingError
from tests.chaos.clocks import NoFaketime, find_faketime
from tests.chaos.disks import NoMounts, enter_own_mounts
from tests.chaos.schedule import NAMES
from tests.engines import EngineError
from tests.servers import ROOT

REFUSED: Final = 2
OPEN_FILES: Final = 10_000
"""In each process: a web process holds as many idle connections as the client that opens them."""


class TooFewFiles(Exception):
    """The sentence says how many may be open, and how to allow more."""


def main() -> int:
    seed, duration_s, faults = _number("SEED", 1), _number("DURATION", 600), _faults()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(os.environ.get("CHAOS_FOLDER") or ROOT / "build/chaos")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return _run(seed, duration_s, faults, folder)
    except BlockingIOError:
        print("Another chaos is at work there; try again when it is done.", file=sys.stderr)
    except (TooFewFiles, NoMounts, NoFaketime, StagingError, EngineError) as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        print("\nInterrupted; everything has ended.", file=sys.stderr)
    return REFUSED


def _run(seed: int, duration_s: int, faults: list[str], folder: Path) -> int:
    _allow_open_files()
    if any(name.startswith("clock-") for name in faults):
        find_faketime()
    if any(name.startswith("disk-") for name in faults):
        enter_own_mounts()
    # Only now: the modules of the run start threads, and an ordinary user enters a namespace without any.
    from tests.chaos.running import Wish, run  # noqa: PLC0415

    return run(Wish(seed, duration_s, faults, folder))


def _allow_open_files() -> None:
    """As many as the idle connections need, which the processes of the staging inherit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < OPEN_FILES:
        raise TooFewFiles(f"A process may open {hard} files, and the chaos needs {OPEN_FILES}: ulimit -Hn {OPEN_FILES}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, OPEN_FILES), hard))


def _faults() -> list[str]:
    faults = os.environ.get("FAULTS", "").split() or list(NAMES)
    if unknown := [name for name in faults if name not in NAMES]:
        sys.exit(f"FAULTS names {unknown[0]!r}. Allowed are {', '.join(NAMES)}.")
    return faults


def _number(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal():
        sys.exit(f"{name}={text!r} is not valid: use a whole number.")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
