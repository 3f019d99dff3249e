"""A clock of its own for each process, by libfaketime: a file says by how much it is wrong, from one second to the next."""

from pathlib import Path
from typing import Final

HELP: Final = "A clock that jumps in one process needs libfaketime. Debian and Ubuntu: apt-get install faketime"
PLACES: Final = ("lib/*/faketime", "lib/faketime", "lib64/faketime", "local/lib/faketime")


class NoFaketime(Exception):
    """The sentence names the package."""


def find_faketime() -> Path:
    """The library for programs with threads. Raises NoFaketime."""
    for pattern in PLACES:
        for found in sorted(Path("/usr").glob(f"{pattern}/libfaketimeMT.so.1")):
            return found
    raise NoFaketime(HELP)


def clock_settings(library: Path, file: Path) -> dict[str, str]:
    """Variables of a process whose clock `file` sets; the time that only goes forward stays as it is."""
    set_clock(file, 0)
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DISABLE_SHM": "1",  # a killed process would leave it behind
        "NO_FAKE_STAT": "1",
    }


def set_clock(file: Path, wrong_by_s: int) -> None:
    """In one step: the process may read it at any moment."""
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{wrong_by_s:+d}\n")
    fresh.replace(file)
