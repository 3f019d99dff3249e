"""The media folder's part in a backup: which files go in, and how they come back without a moment of half of them."""

import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cms.backup.archive import CHUNK_BYTES, media_members
from cms.backup.scratch import scratch_folder

STAGING_PREFIX = ".tandem-restore-"
Advance = Callable[[int], None]


def media_files(root: Path | None, excluded: Path) -> Iterator[tuple[str, Path]]:
    """Every regular file below the media folder with its name relative to it; nothing below `excluded`."""
    if root is None or not root.is_dir():
        return
    for folder, folders, names in root.walk():
        folders[:] = sorted(
            name for name in folders if not name.startswith(STAGING_PREFIX) and folder / name != excluded
        )
        for name in sorted(names):
            path = folder / name
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(root).as_posix(), path


@contextmanager
def staged_media(tar: tarfile.TarFile, root: Path | None, advance: Advance) -> Iterator[list[tuple[Path, Path]]]:
    """Unpack the media into a folder beside their places: pairs of (unpacked file, its place).

    Within the media folder, so that moving them later needs no space and can't half succeed on another disk.
    """
    members = list(media_members(tar))
    if not members or root is None:
        yield []
        return
    root.mkdir(parents=True, exist_ok=True)
    with scratch_folder(STAGING_PREFIX, root) as folder:
        pairs = []
        for number, (name, member) in enumerate(members):
            staged = folder / str(number)
            stream = tar.extractfile(member)
            assert stream is not None
            with stream, staged.open("wb") as target:
                shutil.copyfileobj(stream, target, CHUNK_BYTES)
            place = root / name
            place.parent.mkdir(parents=True, exist_ok=True)  # now, while a refusal still changes nothing
            pairs.append((staged, place))
            advance(member.size)
        yield pairs


def place_media(pairs: list[tuple[Path, Path]]) -> None:
    """Move the unpacked files to their places; other files in the media folder stay."""
    for staged, place in pairs:
        staged.replace(place)
