"""An uploaded zip, unpacked within bounds: so many files, so many bytes, and none beside the folder."""

import zipfile
from pathlib import Path, PurePosixPath
from typing import Final

from cms import limits
from cms.importers.sources import SourceUnreadable

_CHUNK: Final = 1024 * 1024
_LEFT_OUT: Final = ("__MACOSX", ".DS_Store")


def unpack(archive: Path, folder: Path) -> Path:
    """Return the folder with the archive's content: the only folder in it, where there is just one.

    Raises SourceUnreadable for an archive that is broken, encrypted or larger than the bounds.
    """
    name = archive.name
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [one for one in opened.infolist() if not one.is_dir() and not _is_left_out(one.filename)]
            if len(members) > limits.IMPORT_FILES_MAX:
                raise SourceUnreadable(f"{name} holds more than {limits.IMPORT_FILES_MAX:,} files.")
            left = limits.IMPORT_UNPACKED_BYTES_MAX
            for member in members:
                left -= _unpack_one(opened, member, _place(folder, member.filename, name), left, name)
    except (zipfile.BadZipFile, RuntimeError, EOFError, OSError) as error:
        raise SourceUnreadable(f"{name} is not a zip that can be read: {error}.") from error
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def _is_left_out(filename: str) -> bool:
    return any(part in _LEFT_OUT for part in PurePosixPath(filename).parts)


def _place(folder: Path, filename: str, archive: str) -> Path:
    parts = PurePosixPath(filename.replace("\\", "/")).parts
    if not parts or any(part in ("..", "/") or "\x00" in part or ":" in part for part in parts):
        raise SourceUnreadable(f"{archive} holds a file with an address beside its folder: {filename[:100]!r}.")
    return folder.joinpath(*parts)


def _unpack_one(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int, archive: str) -> int:
    """Return how many bytes it has. The sizes that an archive declares may be wrong, so they are counted."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with opened.open(member) as source, target.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > left:
                raise SourceUnreadable(
                    f"{archive} unpacks to more than {limits.IMPORT_UNPACKED_BYTES_MAX // 1024**2:,} MB."
                )
            sink.write(chunk)
    return written


def pack(file: Path, archive: Path) -> None:
    """Write an archive with this one file."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.write(file, file.name)
