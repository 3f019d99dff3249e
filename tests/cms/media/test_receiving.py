"""Uploads are streamed: never whole in memory, and left alone as soon as they are too large."""

import io
import tempfile
import tracemalloc
from collections.abc import Iterator

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from cms import limits
from cms.errors import InvalidInput
from cms.media.preparing import prepared
from cms.media.receiving import receive
from tests.cms.media.pictures import photograph

MB = 1024 * 1024


class Endless:
    """A client that sends for ever."""

    def __init__(self, head: bytes) -> None:
        self.head, self.sent = head, 0

    def read(self, size: int) -> bytes:
        chunk = (self.head if self.sent == 0 else b"").ljust(size, b"x")
        self.sent += len(chunk)
        return chunk


def _code(upload: object) -> str:
    with pytest.raises(InvalidInput) as caught, tempfile.TemporaryFile() as target:
        receive(upload, target)
    return caught.value.errors[0].code


@pytest.mark.parametrize(
    ("head", "bytes_max"),
    [
        (b"%PDF-1.7", limits.DOCUMENT_BYTES_MAX),
        (b"\x89PNG\r\n\x1a\n", limits.IMAGE_BYTES_MAX),
        (b"\xff\xd8\xff\xe0", limits.IMAGE_BYTES_MAX),
    ],
)
def test_a_stream_without_an_end_is_left_where_its_type_ends(head: bytes, bytes_max: int) -> None:
    upload = Endless(head)
    assert _code(upload) == "too_large"
    assert upload.sent <= bytes_max + MB


def test_an_image_that_comes_a_byte_at_a_time_has_the_limit_of_an_image() -> None:
    def drip() -> Iterator[bytes]:
        yield from (bytes([byte]) for byte in b"GIF89a")
        while True:
            yield bytes(MB)

    assert _code(drip()) == "too_large"


def test_an_empty_file_is_refused() -> None:
    assert _code(io.BytesIO()) == "empty"
    assert _code(iter([b"", b""])) == "empty"


def test_forty_megabytes_pass_through_a_few_of_memory() -> None:
    chunks = (b"All work and no play. " * 3_000 for _ in range(640))
    tracemalloc.start()
    with prepared(chunks, "novel.txt") as file:
        size = file.size_bytes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == 640 * 66_000
    assert peak < 4 * MB


@pytest.mark.parametrize("kind", ["file", "django", "chunks"])
def test_files_uploads_and_chunks_give_the_same(kind: str) -> None:
    content = photograph("PNG")
    uploads = {
        "file": io.BytesIO(content),
        "django": SimpleUploadedFile("a.png", content),
        "chunks": [content[:100], content[100:]],
    }
    with prepared(uploads[kind], "a.png") as file:
        assert (file.file_type.mime_type, file.width, file.height) == ("image/png", 64, 48)
        assert len(file.content.read()) == file.size_bytes
