"""The media's part in a backup: which files go in, and how they come back without a moment of half of them."""

import shutil
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from django.core.exceptions import SuspiciousOperation
from django.core.files import File
from django.core.files.storage import default_storage

from cms.backup.archive import CHUNK_BYTES, Opener, media_members, opener_of
from cms.backup.engines import media_root
from cms.backup.refusals import BackupRefused, RestoreIncomplete
from cms.scratch import scratch_folder

STAGING_PREFIX = ".tandem-restore-"
NAMED_MAX = 100
"""Files that a sentence names."""
Advance = Callable[[int], None]


def media_files(excluded: Path) -> Iterator[tuple[str, Opener]]:
    """Return every file of the media with its name, except those below the folder `excluded`."""
    root = media_root()
    return _files_of_storage("") if root is None else _files_of_folder(root, excluded)


def _files_of_folder(root: Path, excluded: Path) -> Iterator[tuple[str, Opener]]:
    if not root.is_dir():
        return
    for folder, folders, names in root.walk():
        folders[:] = sorted(
            name for name in folders if not name.startswith(STAGING_PREFIX) and folder / name != excluded
        )
        for name in sorted(names):
            path = folder / name
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(root).as_posix(), opener_of(path)


def _files_of_storage(folder: str) -> Iterator[tuple[str, Opener]]:
    folders, names = default_storage.listdir(folder)
    for name in sorted(names):
        yield f"{folder}{name}", partial(default_storage.open, f"{folder}{name}")
    for name in sorted(folders):
        yield from _files_of_storage(f"{folder}{name}/")


@dataclass
class StagedMedia:
    count: int = 0
    pairs: list[tuple[Path, Path]] = field(default_factory=list)
    """Files unpacked beside their places."""

    def place(self) -> None:
        """Move the unpacked files to their places; other files stay.

        Raises RestoreIncomplete, after it has tried all of them, for those that could not be moved.
        """
        missing = []
        for staged, place in self.pairs:
            try:
                staged.replace(place)
            except OSError as error:
                missing.append(f"{place} ({error.strerror or error})")
        if missing:
            more = f" and {len(missing) - NAMED_MAX:,} more" if len(missing) > NAMED_MAX else ""
            raise RestoreIncomplete(
                f"The database is that of the backup now, but {len(missing):,} of {len(self.pairs):,} media files could"
                f" not be moved to their places: {', '.join(missing[:NAMED_MAX])}{more}. Remove the cause, then run the"
                " command again with --force."
            )


@contextmanager
def staged_media(tar: tarfile.TarFile, advance: Advance) -> Iterator[StagedMedia]:
    """Bring the media out of the backup as far as that changes nothing that anybody reads."""
    root = media_root()
    if root is None:
        yield _stored(tar, advance)
    else:
        with _unpacked(tar, root, advance) as staged:
            yield staged


def _stored(tar: tarfile.TarFile, advance: Advance) -> StagedMedia:
    """An object storage moves nothing, so each file goes to its place at once: without a row nobody reads it.

    One that has a row has the same bytes as in the backup, for no name is given twice.
    """
    staged = StagedMedia()
    for name, member in media_members(tar):
        stream = tar.extractfile(member)
        assert stream is not None
        with stream:
            if _saved(str(name), File(stream)) != str(name):
                raise BackupRefused(f"The object storage stored {name} under another name.")
        staged.count += 1
        advance(member.size)
    return staged


def _saved(name: str, content: "File[bytes]") -> str:
    try:
        return default_storage.save(name, content)
    except (SuspiciousOperation, UnicodeError) as error:
        raise BackupRefused(f"The object storage can't have a file with the name {name!r}.") from error


@contextmanager
def _unpacked(tar: tarfile.TarFile, root: Path, advance: Advance) -> Iterator[StagedMedia]:
    """Unpack into a folder beside their places.

    Within the media folder, so that moving them later needs no space and can't half succeed on another disk.
    """
    members = list(media_members(tar))
    if not members:
        yield StagedMedia()
        return
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with scratch_folder(STAGING_PREFIX, root) as folder:
        staged = StagedMedia(len(members))
        for number, (name, member) in enumerate(members):
            unpacked = folder / str(number)
            stream = tar.extractfile(member)
            assert stream is not None
            with stream, unpacked.open("wb") as target:
                unpacked.chmod(0o600)
                shutil.copyfileobj(stream, target, CHUNK_BYTES)
            place = root / name
            place.parent.mkdir(parents=True, exist_ok=True)  # now, while a refusal still changes nothing
            staged.pairs.append((unpacked, place))
            advance(member.size)
        _refuse_lost_places(folder, staged)
        yield staged


def _refuse_lost_places(folder: Path, staged: StagedMedia) -> None:
    """Raise BackupRefused or an OSError if a file can't be moved from `folder` to its place."""
    for parent in dict.fromkeys(place.parent for _, place in staged.pairs):
        trial, there = folder / "trial", parent / f"{folder.name}.trial"
        trial.touch()
        trial.rename(there)
        there.unlink()
    for _, place in staged.pairs:
        with suppress(FileNotFoundError):
            if stat.S_ISDIR(place.lstat().st_mode):
                raise BackupRefused(f"{place} is a folder, and in the backup it is a file.")
