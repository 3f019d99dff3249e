"""Private folders for unfinished work: removed in the end, or after a kill -9 when another is made a minute later."""

import contextlib
import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

YOUNG_S = 60  # between the making of a folder and its lock


@contextlib.contextmanager
def scratch_folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """Yield a folder in `parent`, by default in the system's place for temporary files.

    Nobody else's folder may begin with `prefix`: older ones that do are deleted.
    """
    parent = parent or Path(tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as name, _locked(Path(name)):
        _remove_abandoned(parent, prefix, made_at=Path(name).stat().st_mtime)
        yield Path(name)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the folder; the lock goes with the process in any case. Raises BlockingIOError when somebody else has it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _remove_abandoned(parent: Path, prefix: str, made_at: float) -> None:
    """Remove the abandoned folders that are older than the one made at `made_at`, by the file system's clock."""
    for folder in parent.glob(f"{glob.escape(prefix)}*"):
        # An OSError says: in use, another user's, or just removed by another process.
        with contextlib.suppress(OSError):
            if folder.is_dir() and not folder.is_symlink() and made_at - folder.stat().st_mtime > YOUNG_S:
                with _locked(folder):
                    shutil.rmtree(folder)
