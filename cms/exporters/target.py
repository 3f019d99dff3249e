"""The target of an export: nothing at the path until all of it appears at once."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.db import connection, transaction


class TargetRefused(Exception):
    """Nothing can be written there; the text is one sentence for the person who started the export."""


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`, which takes its place when the block ends well and is gone when it doesn't.

    Only its owner may read it: it holds drafts and e-mail addresses. Raises TargetRefused.
    """
    path = path.absolute()
    with _refused(path):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise TargetRefused(f"{path} exists and is not a folder.")
        if path.is_dir() and any(path.iterdir()):
            raise TargetRefused(f"The folder {path} is not empty.")
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent))
    try:
        with _refused(path):
            yield folder
            folder.rename(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # there is none when it has taken its place


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Do the same for a file. Raises TargetRefused."""
    path = path.absolute()
    with _refused(path):
        if path.exists() or path.is_symlink():
            raise TargetRefused(f"{path} is there already.")
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)
        os.close(handle)
    try:
        with _refused(path):
            yield Path(name)
            # A link, unlike a rename, doesn't replace what somebody else has put there meanwhile.
            os.link(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


@contextlib.contextmanager
def snapshot() -> Iterator[None]:
    """Show every query of the block the database as it is at its beginning; no writer waits for it."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        # Not `atomic`, which takes the one write lock of SQLite for as long as it lasts.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")


@contextlib.contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TargetRefused(f"The export can't be written to {path}: {error.strerror or error}.") from error
