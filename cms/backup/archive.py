"""The backup file: a tar of `manifest.json`, `database`, `media/…` and, as its end, the SHA-256 of all before it.

The end has a fixed length and follows from the hash alone, so a single changed byte anywhere in the file is found;
any `tar` still lists and unpacks it.
"""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from django.core.files import File

from cms.backup.manifest import Manifest
from cms.backup.refusals import BackupRefused

MANIFEST, DATABASE, MEDIA, CHECKSUM = "manifest.json", "database", "media", "sha256"
TAIL_BYTES = 2048  # a header, a block of content, two empty blocks
CHUNK_BYTES = 1024 * 1024
Advance = Callable[[int], None]
type Opener = Callable[[], IO[bytes] | File[bytes]]
"""Gives a file of the disk, or one of a storage that knows its size."""


class _Hashing:
    """A file to write to that hashes and counts what goes through."""

    def __init__(self, stream: BinaryIO, advance: Advance) -> None:
        self._stream, self._advance = stream, advance
        self._position = 0
        self.hash = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._stream.write(data)
        self.hash.update(data)
        self._position += len(data)
        self._advance(len(data))
        return len(data)

    def tell(self) -> int:
        return self._position


def write_archive(
    target: Path, manifest: Manifest, database: Path, media: Iterable[tuple[str, Opener]], advance: Advance
) -> int:
    """Write the file `target`; how many media files went in. One that is deleted meanwhile is left out."""
    count = 0
    with target.open("xb") as stream:
        body = _Hashing(stream, advance)
        # Never closed: that would write an end of its own.
        tar = tarfile.TarFile(fileobj=body, mode="w", format=tarfile.PAX_FORMAT)  # type: ignore[arg-type]
        _add_bytes(tar, MANIFEST, manifest.to_json())
        _add_file(tar, DATABASE, opener_of(database))
        for name, opener in media:
            count += _add_file(tar, f"{MEDIA}/{name}", opener)
        stream.write(_tail(body.hash.hexdigest()))
    return count


def opener_of(path: Path) -> Opener:
    return lambda: path.open("rb")


def check_archive(path: Path, advance: Advance) -> str:
    """Return the SHA-256 of all that the file's end vouches for. Raises BackupRefused when a byte differs."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        if size <= TAIL_BYTES or stream.read(len(MANIFEST)) != MANIFEST.encode():
            raise BackupRefused(f"{path} is not a backup made by this program.")
        stream.seek(0)
        digest = hashlib.sha256()
        left = size - TAIL_BYTES
        while left and (chunk := stream.read(min(CHUNK_BYTES, left))):
            digest.update(chunk)
            left -= len(chunk)
            advance(len(chunk))
        if stream.read() != _tail(digest.hexdigest()):
            raise BackupRefused(f"{path} is damaged: its checksum does not match its content.")
    return digest.hexdigest()


def is_archive(path: Path) -> bool:
    """Whether the file looks like one of ours, whole or not."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(len(MANIFEST)) == MANIFEST.encode()


@contextmanager
def open_archive(path: Path) -> Iterator[tarfile.TarFile]:
    """Raises BackupRefused for what no tar reader can read."""
    try:
        with tarfile.open(path, "r:") as tar:
            yield tar
    except (tarfile.TarError, ValueError) as error:  # the latter for headers of sparse files
        raise BackupRefused(f"{path} can't be read: {error}.") from error


def read_manifest(tar: tarfile.TarFile) -> Manifest:
    return Manifest.from_json(member_stream(tar, MANIFEST).read())


def member_stream(tar: tarfile.TarFile, name: str) -> BinaryIO:
    """Raises BackupRefused unless it is a file of the archive: a link may lead to itself, and holes have no end."""
    member = next((one for one in tar if one.name == name), None)
    stream = tar.extractfile(member) if member and _is_plain(member) else None
    if stream is None:
        raise BackupRefused(f"The backup holds no {name}.")
    return stream  # type: ignore[return-value]


def media_members(tar: tarfile.TarFile) -> Iterator[tuple[PurePosixPath, tarfile.TarInfo]]:
    """Yield each media file with its path below the media folder.

    Raises BackupRefused for one that would leave it, be a folder of another, become longer than its bytes are, or have
    a name that no file can have.
    """
    files, folders = set[PurePosixPath](), set[PurePosixPath]()
    for member in tar:
        name = PurePosixPath(member.name)
        if name.parts[:1] != (MEDIA,):
            continue
        files.add(name)
        folders.update(name.parents)
        is_plain = _is_plain(member) and "\0" not in member.name
        if not is_plain or ".." in name.parts or len(name.parts) < 2 or name in folders or files & {*name.parents}:
            raise BackupRefused(f"The backup holds an unsafe file: {member.name!r}.")
        yield name.relative_to(MEDIA), member


def _is_plain(member: tarfile.TarInfo) -> bool:
    return member.isreg() and not member.issparse()


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _add_file(tar: tarfile.TarFile, name: str, opener: Opener) -> bool:
    try:
        stream = opener()
    except FileNotFoundError:
        return False
    with stream:
        if isinstance(stream, File):
            info = tarfile.TarInfo(name)
            info.size = stream.size
        else:
            info = tar.gettarinfo(arcname=name, fileobj=stream)
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        info.mode = 0o600
        tar.addfile(info, stream)
    return True


def _tail(digest: str) -> bytes:
    info = tarfile.TarInfo(CHECKSUM)
    content = f"{digest}\n".encode()
    info.size = len(content)
    return (info.tobuf(tarfile.USTAR_FORMAT) + content).ljust(TAIL_BYTES, b"\0")
