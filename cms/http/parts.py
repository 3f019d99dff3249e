"""Files of a body of multipart/form-data on their way in: in memory while they are small, then without a name."""

from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import Any, Final

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from cms.media.outages import keeping_files

MEMORY_BYTES_MAX: Final = 2_621_440
"""For a whole body, as Django's FILE_UPLOAD_MAX_MEMORY_SIZE."""


class PartUploadHandler(FileUploadHandler):
    """Receives each file. One that a full disk ends goes at once, and a process that is killed leaves none either.

    Django's own handler gives its files names, and keeps one that was ended by a full disk until it is collected.
    """

    _file: SpooledTemporaryFile[bytes] | None = None
    _memory_bytes = MEMORY_BYTES_MAX

    def handle_raw_input(self, *args: Any, **_: Any) -> None:
        """Keep no part of a large body in memory, or it would all be there."""
        _body, _head, content_length, *_rest = args
        if not 0 < content_length <= MEMORY_BYTES_MAX:
            self._memory_bytes = 1

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        folder = settings.FILE_UPLOAD_TEMP_DIR
        self._file = SpooledTemporaryFile(self._memory_bytes, dir=folder)  # noqa: SIM115 - the request closes it

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        try:
            with keeping_files():
                self._begun.write(raw_data)
        except OSError:
            self.upload_interrupted()
            raise

    def file_complete(self, file_size: int) -> "UploadedFile[bytes]":
        try:
            with keeping_files():
                self._begun.seek(0)  # writes what is left
        except OSError:
            self.upload_interrupted()
            raise
        given = (self.file_name, self.content_type, file_size, self.charset, self.content_type_extra)
        return UploadedFile(self._begun, *given)

    def upload_interrupted(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # it closes, but can't write what is left
                self._file.close()

    @property
    def _begun(self) -> SpooledTemporaryFile[bytes]:
        assert self._file is not None
        return self._file
