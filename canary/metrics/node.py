"""The workers of one server share their numbers: one file each, in a folder named after their common parent.

A worker's file is replaced whole. Once the worker is gone, the next reader adds its counters, under a lock, to the file
of the workers that have ended, so no counter ever falls. Gauges end with the process. Nothing has to be configured: the
process that started the workers determines the folder, and the first worker makes it and removes those of dead servers.
The folder of the server that ended last remains until the next one begins.

The multiprocess mode of `prometheus_client` needs a variable, an emptied folder and a server's hook for each worker
that ends, and has no gauge "of the worker furthest behind".
"""

import contextlib
import fcntl
import json
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from canary.metrics.counters import Totals

ENDED: Final = "ended"
LOCK: Final = "lock"
ENDED_STATES: Final = ("Z", "X")
_SUFFIX: Final = ".json"
_UNFINISHED: Final = ".new"
_BOX: Final = ".flights"
_BOX_S: Final = 24 * 3_600.0
"""A box that nobody has taken for this long belongs to a site that no longer runs here."""
_NEVER_BEGUN: Final = "-0"
"""The end of a process's name where /proc couldn't be read: such a name is not kept."""
_PROCESSES_MAX: Final = 256


class _Place(NamedTuple):
    """The place where a process writes its numbers.

    Made once, because pathlib interns the parts of every path. A name that is made and dropped each second takes a new
    place in the interpreter's table of interned strings each time, until the table is built again at twice the size.
    """

    pid: int
    server: str
    folder: Path
    told: Path
    unfinished: Path


class Node:
    """The folder of this process's server."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._kept: _Place | None = None

    def publish(self, dumped: dict[str, Any]) -> None:
        """Replace this process's numbers. Raises OSError when the disk is full or the folder isn't ours.

        A worker that has outlived its server tells nobody: its folder would be nobody's, and remain.
        """
        place = self._place()
        if is_alive(place.server):
            self._make_folder()
            self._write(place.told, place.unfinished, dumped)

    def withdraw(self) -> None:
        """Take this process's numbers back, if it has told any, and the folder that it made for them alone."""
        place = self._place()
        with contextlib.suppress(OSError):  # there is none; or others tell theirs in the same folder
            place.told.unlink()
            place.folder.rmdir()

    def box(self) -> Path:
        """Return where this process keeps its flights, and make the folder. Raises OSError as `publish` does."""
        return self._make_folder() / f"{self._place().told.stem}{_BOX}"

    def left_boxes(self) -> list[Path]:
        """Return the boxes of processes that have died, of every server that keeps its folder here."""
        return [path for path in self._root.glob(f"*/*{_BOX}") if not is_alive(path.stem)]

    def read(self) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
        """Return the numbers of ended workers together (None without any), and the last ones of each living worker."""
        with self._locked() as folder:
            ended, living = self._load(folder / f"{ENDED}{_SUFFIX}"), []
            gone: list[tuple[Path, dict[str, Any]]] = []
            for path in sorted(folder.glob(f"*{_SUFFIX}")):
                dumped = None if path.stem == ENDED else self._load(path)
                if dumped is not None and is_alive(path.stem):
                    living.append(dumped)
                elif dumped is not None:
                    gone.append((path, dumped))
            if gone:
                ended = self._bury(folder, ended, gone)
            return ended, living

    def _bury(
        self, folder: Path, ended: dict[str, Any] | None, gone: list[tuple[Path, dict[str, Any]]]
    ) -> dict[str, Any]:
        """Bury ended workers. A crash between both steps counts one twice; in the other order counters would fall."""
        total = Totals()
        for dumped in [*([ended] if ended else []), *(dumped for _, dumped in gone)]:
            total.add_dumped(dumped)
        path = folder / f"{ENDED}{_SUFFIX}"
        self._write(path, path.with_suffix(_UNFINISHED), total.dump())
        for told, _ in gone:
            told.unlink(missing_ok=True)
        return total.dump()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[Path]:
        folder = self._make_folder()
        with (folder / LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder

    def _place(self) -> _Place:
        """Return the place as of this process's first call: once its server is gone, it has another parent."""
        own = os.getpid()
        kept = self._kept if self._kept and self._kept.pid == own else None  # a child of fork has its parent's
        if kept is None or kept.told.stem.endswith(_NEVER_BEGUN):
            server = kept.server if kept else name_of_process(server_pid())
            told = self._root / server / f"{name_of_process(own)}{_SUFFIX}"
            self._kept = _Place(own, server, told.parent, told, told.with_suffix(_UNFINISHED))
            return self._kept
        return kept

    def _make_folder(self) -> Path:
        """Return the folder of this server, and make it where there is none."""
        folder = self._place().folder
        if not folder.is_dir():
            _make_private(self._root)
            _remove_ended(self._root)
            folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    @staticmethod
    def _write(path: Path, unfinished: Path, dumped: dict[str, Any]) -> None:
        unfinished.write_text(json.dumps(dumped))
        unfinished.replace(path)

    @staticmethod
    def _load(path: Path) -> dict[str, Any] | None:
        try:
            loaded: dict[str, Any] = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        return loaded


@cache
def own_node() -> Node:
    """Return the folder of the server to which this process belongs."""
    return Node(default_root())


def default_root() -> Path:
    return Path(tempfile.gettempdir()) / f"tandem-metrics-{os.geteuid()}"


def server_pid() -> int:
    """Return the process that started this one to serve beside others; this one itself when a shell or an init did.

    gunicorn, granian and runserver's reloader run the same interpreter as their workers, and nothing else does.
    """
    parent = os.getppid()
    return parent if _program(parent) == _program(os.getpid()) else os.getpid()


def name_of_process(pid: int) -> str:
    """Return the name: a process's number and its beginning, because numbers are used again."""
    return f"{pid}-{_state_and_began(pid)[1]}"


def is_alive(name: str) -> bool:
    """Return whether such a process runs, and has not ended unnoticed by its parent."""
    pid = name.partition("-")[0]
    if not (pid.isdigit() and _exists(int(pid))):
        return False
    state, began = _state_and_began(int(pid))
    return state not in ENDED_STATES and name == f"{pid}-{began}"


def _make_private(root: Path) -> None:
    """Make the folder, and check that it is ours alone: others could have put anything into a shared one."""
    root.mkdir(mode=0o700, exist_ok=True)
    found = root.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise PermissionError(f"{root} belongs to somebody else, or others may write to it.")


def _remove_ended(root: Path) -> None:
    for folder in root.iterdir():
        if not is_alive(folder.name) and not _waits_for_reader(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _waits_for_reader(folder: Path) -> bool:
    """Return whether it holds boxes that are young: their age counts from the last numbers of a worker."""
    return any(folder.glob(f"*{_BOX}")) and time.time() - folder.stat().st_mtime < _BOX_S


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _state_and_began(pid: int) -> tuple[str, str]:
    """Return fields 3 and 22 of proc(5), the second in ticks since the machine began; "?" and "0" without /proc."""
    try:
        # The name of the program, in brackets, may hold anything.
        fields = _stat_file(pid).read_text().rpartition(")")[2].split()
        return fields[0], fields[19]
    except (OSError, IndexError):
        return "?", "0"


@lru_cache(_PROCESSES_MAX)
def _stat_file(pid: int) -> Path:
    """Return one path object for all calls with this id, as for a `_Place`."""
    return Path(f"/proc/{pid}/stat")


def _program(pid: int) -> str:
    """Return the program that a process runs. Where that is unknown, a parent counts as the server."""
    try:
        return str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return sys.executable
