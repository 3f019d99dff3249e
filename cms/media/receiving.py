"""An upload on its way into a temporary file: bounded in memory, ended as soon as it is larger than its type may be."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import IO, Final

from django.core.files import File

from cms import limits
from cms.media.refusals import refuse, refuse_size
from cms.media.sniffing import HEAD_BYTES, sniff_image

CHUNK_BYTES: Final = 64 * 1024
type Upload = File[bytes] | IO[bytes] | Iterable[bytes]


def receive(upload: Upload, target: IO[bytes]) -> None:
    """Write all of `upload` to `target`. Raises InvalidInput if it is empty or too large, without reading the rest."""
    head, size = b"", 0
    bytes_max = limits.DOCUMENT_BYTES_MAX
    for chunk in _chunks(upload):
        if len(head) < HEAD_BYTES:
            head += chunk[:HEAD_BYTES]
            if image_type := sniff_image(head):
                bytes_max = image_type.bytes_max
        size += len(chunk)
        if size > bytes_max:
            refuse_size(bytes_max)
        target.write(chunk)
    if not size:
        refuse("empty", "The file is empty.")


def _chunks(upload: Upload) -> Iterator[bytes]:
    if isinstance(upload, File):
        yield from upload.chunks(CHUNK_BYTES)
    elif read := getattr(upload, "read", None):
        yield from iter(partial(read, CHUNK_BYTES), b"")
    else:
        yield from upload
