"""CPU time and memory of other processes, to the nanosecond: /proc/PID/stat counts in hundredths of a second."""

import contextlib
import os
import time
from pathlib import Path
from typing import Final

PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def cpu_s(pid: int) -> float:
    """Of all its threads so far; 0 for a process that has ended.

    The clock's number is what clock_getcpuclockid(3) computes on Linux.
    """
    with contextlib.suppress(OSError):
        return time.clock_gettime((~pid << 3) | 2)
    return 0.0


def family_cpu_s(pid: int) -> float:
    """Of a process and its children so far, those among them that have ended as /proc tells it: in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ended = sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")
    return ended + sum(map(cpu_s, with_children(pid)))


def with_children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def server_cpu_s(pid: int) -> float:
    """Of gunicorn and its workers so far."""
    return sum(map(cpu_s, with_children(pid)))


def memory_mb(pid: int) -> float:
    """Resident, shared pages included."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1_000_000


def backends_of(postmaster: int, database: str) -> list[int]:
    """The processes of a PostgreSQL that serve one database: its name stands in their titles, `postgres: user name …`."""
    found = []
    for pid in with_children(postmaster)[1:]:
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode(errors="replace").split()
            if words[:1] == ["postgres:"] and words[2:3] == [database]:
                found.append(pid)
    return found
