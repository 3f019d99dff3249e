"""Making a backup: dump, pack, verify, and only then put it in its place."""

import datetime
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cms.backup.archive import check_archive, is_archive, write_archive
from cms.backup.engines import configured_database
from cms.backup.manifest import Manifest
from cms.backup.media import media_files
from cms.backup.refusals import BackupRefused, NothingToBackUp, refusals
from cms.scratch import scratch_folder

SCRATCH_PREFIX = ".tandem-backup-"
Advance = Callable[[int], None]
OnStep = Callable[[str, int | None], Advance]
"""Called with a step's label and its total, None when nobody knows; gives what is called for each bit of progress."""


@dataclass(frozen=True)
class Backup:
    path: Path
    manifest: Manifest
    size_bytes: int
    sha256: str
    """The digest of all but the file's last 2048 bytes, which hold it."""
    media_files: int


def make_backup(path: Path, *, now: datetime.datetime, on_step: OnStep) -> Backup:
    """Write a verified backup of the database and the media to `path`, readable by its owner alone.

    A backup at `path` is replaced in the end; anything else there is refused.
    """
    with refusals(f"The backup to {path}"):
        _refuse_wrong_target(path)
        # Beside its place: the same disk, so that the last step is a rename. Needs the space of two dumps.
        with scratch_folder(SCRATCH_PREFIX, path.parent) as folder:
            backup = _make(path, folder, now, on_step)
            _replace_durably(folder / "archive", path)
    return backup


def _make(path: Path, folder: Path, now: datetime.datetime, on_step: OnStep) -> Backup:
    database, dumped, packed = configured_database(), folder / "database", folder / "archive"
    dump = database.dump(dumped, on_step("Dumping", None))
    if not dump.tables:
        raise NothingToBackUp(f"There is nothing to back up: {database} has no tables.")
    database.verify(dumped, dump, on_step("Verifying rows", None))
    manifest = Manifest(database.engine, now.isoformat(), dump)
    media = media_files(excluded=folder)
    count = write_archive(packed, manifest, dumped, media, on_step("Packing", None))
    size = packed.stat().st_size
    digest = check_archive(packed, on_step("Verifying bytes", size))
    return Backup(path, manifest, size, digest, count)


def _refuse_wrong_target(path: Path) -> None:
    if path.is_dir():
        raise BackupRefused(f"{path} is a folder; name a file.")
    if not path.parent.is_dir():
        raise BackupRefused(f"There is no folder {path.parent}.")
    if path.exists() and not is_archive(path):
        raise BackupRefused(f"{path} exists and is not a backup; it was left alone.")


def _replace_durably(packed: Path, path: Path) -> None:
    packed.chmod(0o600)  # it holds password hashes
    _sync(packed)
    packed.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
