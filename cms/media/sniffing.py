"""The type of a file by its bytes. Its name decides only between kinds of plain text, all equally harmless."""

import codecs
import re
from functools import partial
from pathlib import PurePath
from typing import IO, Final

from cms.media.archives import LOCAL_HEADER, sniff_archive
from cms.media.file_types import AVIF, CSV, GIF, IMAGES, JPEG, MARKDOWN, PDF, PLAIN, PNG, WEBP, FileType
from cms.media.refusals import refuse, refuse_type

HEAD_BYTES: Final = 256
_TEXT_CHUNK: Final = 64 * 1024
_PDF_END_WITHIN: Final = 1024  # ISO 32000-1 annex H.3, note 18
# The "binary data bytes" of https://mimesniff.spec.whatwg.org/#binary-data-byte
_BINARY = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_BLANK = re.compile(r"[\s\ufeff]*")
_MARKUP_START = re.compile(r"[\s\ufeff]*<[a-z!?/]", re.IGNORECASE)
_TEXT_TYPES = {".md": MARKDOWN, ".markdown": MARKDOWN, ".csv": CSV}


def sniff_image(head: bytes) -> FileType | None:
    """Return the only type of image that a file beginning with `head` can be, if any."""
    found = None
    if head.startswith(b"\xff\xd8\xff"):
        found = JPEG
    elif head.startswith(b"\x89PNG\r\n\x1a\n"):
        found = PNG
    elif head.startswith((b"GIF87a", b"GIF89a")):
        found = GIF
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        found = WEBP
    elif head[4:12] == b"ftypavif":
        found = AVIF
    return found if found in IMAGES else None


def sniff(file: IO[bytes], name: str) -> FileType:
    """Return the type of a whole file. Raises InvalidInput for a type that isn't allowed."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    found = sniff_image(head)
    if head.startswith(b"%PDF-"):
        _refuse_cut_pdf(file)
        found = PDF
    elif head.startswith(LOCAL_HEADER):
        found = sniff_archive(file, head)
    elif found is None and _is_text(file):
        found = _TEXT_TYPES.get(PurePath(name).suffix.lower(), PLAIN)
    return found or refuse_type()


def _refuse_cut_pdf(file: IO[bytes]) -> None:
    size = file.seek(0, 2)
    file.seek(max(0, size - _PDF_END_WITHIN))
    if b"%%EOF" not in file.read():
        refuse("broken_file", "This PDF is broken or cut off: its end is missing.")


def _is_text(file: IO[bytes]) -> bool:
    """Return whether all of it is UTF-8 without control characters, and doesn't begin as HTML, SVG and XML do."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_at_start = True
    try:
        for chunk in iter(partial(file.read, _TEXT_CHUNK), b""):
            text = decoder.decode(chunk)
            if _BINARY.search(text) or (is_at_start and _MARKUP_START.match(text)):
                return False
            is_at_start = is_at_start and _BLANK.fullmatch(text) is not None
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
