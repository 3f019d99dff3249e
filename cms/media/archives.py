"""Office documents, which are ZIP archives: recognised by the archive's directory. Nothing in one is ever unpacked."""

import struct
import zipfile
from typing import IO, Final

from cms.media.file_types import ODF_TYPES, OOXML_MAIN_PARTS, FileType
from cms.media.refusals import refuse

# PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.15 and 4.3.16.
LOCAL_HEADER: Final = b"PK\x03\x04"
_END: Final = b"PK\x05\x06"
_ZIP64_LOCATOR: Final = b"PK\x06\x07"
_END_SIZE: Final = 22
_COMMENT_MAX: Final = 65_535
_DIRECTORY_BYTES_MAX: Final = 2 * 1024 * 1024  # some 20,000 entries; reading one takes ten times its size in memory
_UNPACKED_BYTES_MAX: Final = 1024 * 1024 * 1024
_ODF_MARKER_AT: Final = 30  # "mimetype" is the first entry, stored as it is: OpenDocument 1.3 part 2, section 3.3


def sniff_archive(file: IO[bytes], head: bytes) -> FileType | None:
    """Return the type of an office document, None for any other archive."""
    return _sniff_odf(head) or _sniff_ooxml(file)


def _sniff_odf(head: bytes) -> FileType | None:
    for file_type in ODF_TYPES:
        # The next entry's header ends the type's name: a template's begins with the same letters.
        if head[_ODF_MARKER_AT:].startswith(f"mimetype{file_type.mime_type}PK".encode()):
            return file_type
    return None


def _sniff_ooxml(file: IO[bytes]) -> FileType | None:
    _refuse_vast_directory(file)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, RuntimeError, struct.error, ValueError, OverflowError, OSError):
        refuse("broken_file", "This archive is broken.")
    names = {entry.filename for entry in entries}
    if sum(entry.file_size for entry in entries) > _UNPACKED_BYTES_MAX:
        refuse("too_large", "Unpacked, this document would have more than 1,024 MB.")
    if "[Content_Types].xml" not in names or any(name.endswith("vbaProject.bin") for name in names):
        return None  # with macros it is a program
    found = [file_type for part, file_type in OOXML_MAIN_PARTS.items() if part in names]
    return found[0] if len(found) == 1 else None


def _refuse_vast_directory(file: IO[bytes]) -> None:
    """Refuse before `zipfile` reads it whole: an archive of a few megabytes may name millions of entries."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_SIZE - _COMMENT_MAX - len(_ZIP64_LOCATOR) * 5))
    tail = file.read()
    end = tail.rfind(_END)
    if end < 0 or len(tail) - end < _END_SIZE:
        refuse("broken_file", "This archive is broken or cut off.")
    (directory_bytes,) = struct.unpack_from("<L", tail, end + 12)
    if directory_bytes > _DIRECTORY_BYTES_MAX or _ZIP64_LOCATOR in tail[max(0, end - 20) : end]:
        refuse("unsupported_type", "This archive has more entries than a document may have.")
