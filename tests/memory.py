"""How much memory something takes at its peak, above what this process has had before."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATUS = Path("/proc/self/status")
_PEAK_FROM_NOW = "5"  # proc_pid_clear_refs(5): the peak is reset


class Peak:
    """Bytes above what was there at the beginning, once the block has ended."""

    bytes = 0


@contextmanager
def peak_memory() -> Iterator[Peak]:
    peak = Peak()
    Path("/proc/self/clear_refs").write_text(_PEAK_FROM_NOW, encoding="ascii")
    before = _of("VmRSS")
    yield peak
    peak.bytes = _of("VmHWM") - before


def _of(name: str) -> int:
    line = next(line for line in _STATUS.read_text(encoding="ascii").splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024
