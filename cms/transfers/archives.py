"""An uploaded zip, unpacked within bounds: so many files, so many bytes, and none beside the folder."""

import struct
import zipfile
import zlib
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Final

from cms import limits
from cms.importers.sources import SourceUnreadable
from cms.media.outages import is_full

_CHUNK: Final = 1024 * 1024
_LEFT_OUT: Final = ("__MACOSX", ".DS_Store")
# Python reads these two piece by piece; of bzip2 and LZMA it unpacks all at once that a piece stands for.
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# Each entry of an archive's directory begins with it: PKWARE APPNOTE.TXT 6.3.10, section 4.3.12.
_ENTRY: Final = b"PK\x01\x02"
_BLOCK_BYTES: Final = 4_096
"""A folder takes so much of a disk at least. A zip names it within the address of a file, at no cost."""
_ENTRIES_A_FILE: Final = 3
"""The file, its folder, and the twin that macOS adds."""


def unpack(archive: Path, folder: Path) -> Path:
    """Return the folder with the archive's content: the only folder in it, where there is just one.

    Raises SourceUnreadable for an archive that is broken, encrypted or larger than the bounds, and OSError for a full
    disk.
    """
    name = archive.name
    try:
        if _entries_at_most(archive) > _ENTRIES_A_FILE * limits.IMPORT_FILES_MAX:
            raise SourceUnreadable(f"{name} holds more than {limits.IMPORT_FILES_MAX:,} files and their folders.")
        with zipfile.ZipFile(archive) as opened:
            left = limits.IMPORT_UNPACKED_BYTES_MAX
            for member in _members(opened, name):
                target = _place(folder, member.filename, name)
                left -= _make_parents(target)
                if left < 0:
                    raise _too_large(name)
                left -= _unpack_one(opened, member, target, left, name)
    except (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, OSError, ValueError) as error:
        if is_full(error):
            raise
        raise SourceUnreadable(f"{name} is not a zip that can be read: {error}.") from error
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def _entries_at_most(archive: Path) -> int:
    """Return how many entries the directory may have, before `zipfile` reads it whole. It may lie about its length."""
    found, end = 0, b""
    with archive.open("rb") as source:
        while chunk := source.read(_CHUNK):
            piece = end + chunk
            found += piece.count(_ENTRY)
            end = piece[1 - len(_ENTRY) :]
    return found


def _members(opened: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """Return the files to unpack. Raises SourceUnreadable for too many, and for one that is packed in another way."""
    members = [one for one in opened.infolist() if not one.is_dir() and not _is_left_out(one.filename)]
    if len(members) > limits.IMPORT_FILES_MAX:
        raise SourceUnreadable(f"{name} holds more than {limits.IMPORT_FILES_MAX:,} files.")
    for member in members:
        if member.compress_type not in _METHODS:
            raise SourceUnreadable(
                f"{name} compresses {member.filename[:100]!r} by method {member.compress_type}. Only Deflate (8) and"
                " uncompressed files (0) are read: pack the zip again with Deflate."
            )
    return members


def _is_left_out(filename: str) -> bool:
    return any(part in _LEFT_OUT for part in PurePosixPath(filename).parts)


PARTS_MAX: Final = 50
"""Names in the address of a file."""


def _place(folder: Path, filename: str, archive: str) -> Path:
    parts = PurePosixPath(filename.replace("\\", "/")).parts
    if not parts or any(part in ("..", "/") or "\x00" in part or ":" in part for part in parts):
        raise SourceUnreadable(f"{archive} holds a file with an address beside its folder: {filename[:100]!r}.")
    if len(parts) > PARTS_MAX:
        raise SourceUnreadable(f"{archive} holds a file in more than {PARTS_MAX - 1} folders: {filename[:100]!r}.")
    return folder.joinpath(*parts)


def _make_parents(target: Path) -> int:
    """Make the folders of a file; return the bytes that the new ones take."""
    new = [*takewhile(lambda parent: not parent.exists(), target.parents)]
    target.parent.mkdir(parents=True, exist_ok=True)
    return len(new) * _BLOCK_BYTES


def _unpack_one(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int, archive: str) -> int:
    """Return how many bytes it has. The sizes that an archive declares may be wrong, so they are counted."""
    written = 0
    with opened.open(member) as source, target.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > left:
                raise _too_large(archive)
            sink.write(chunk)
    return written


def _too_large(archive: str) -> SourceUnreadable:
    megabytes = limits.IMPORT_UNPACKED_BYTES_MAX // 1024**2
    return SourceUnreadable(f"{archive} unpacks to more than {megabytes:,} MB. Each folder counts 4 KB.")


def pack(file: Path, archive: Path) -> None:
    """Write an archive with this one file."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.write(file, file.name)
