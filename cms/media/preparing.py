"""From an upload to a file fit to be stored: received, sniffed, cleaned and measured, in temporary files."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Final

from cms.costs.ahead import Ahead
from cms.media.file_types import FileType
from cms.media.images import PICTURES, clean_image
from cms.media.outages import keeping_files
from cms.media.receiving import Upload, receive
from cms.media.sniffing import sniff


@dataclass(frozen=True)
class PreparedFile:
    content: IO[bytes]
    """At its beginning; gone after the `with` block."""
    file_type: FileType
    size_bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None


_AHEAD: Final = Ahead[PreparedFile]("prepared file")


@contextmanager
def prepared(upload: Upload, name: str) -> Iterator[PreparedFile]:
    """Yield the upload as it will be stored. Raises InvalidInput about the field `file`."""
    with ExitStack() as files:
        yield _AHEAD.result_of((upload, name), lambda: files.enter_context(_made(upload, name)))


@contextmanager
def prepared_ahead(upload: Upload, name: str) -> Iterator[None]:
    """Prepare an upload that is about to be stored, once: `prepared` gives it inside this block."""
    with ExitStack() as files, _AHEAD.done((upload, name), lambda: files.enter_context(_made(upload, name))):
        yield


@contextmanager
def _made(upload: Upload, name: str) -> Iterator[PreparedFile]:
    with TemporaryFile() as received, TemporaryFile() as cleaned:
        with keeping_files():
            file = _cleaned(upload, name, received, cleaned)
        yield file


def _cleaned(upload: Upload, name: str, received: IO[bytes], cleaned: IO[bytes]) -> PreparedFile:
    receive(upload, received)
    file_type = sniff(received, name)
    received.seek(0)
    if not file_type.is_image:
        return _measured(received, file_type)
    with PICTURES.turn():
        width, height = clean_image(received, cleaned, file_type)
    return _measured(cleaned, file_type, width, height)


def _measured(
    content: IO[bytes], file_type: FileType, width: int | None = None, height: int | None = None
) -> PreparedFile:
    content.seek(0)
    digest = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
    size = content.tell()
    content.seek(0)
    return PreparedFile(content, file_type, size, digest, width, height)
