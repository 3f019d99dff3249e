"""The refusals of uploaded files."""

from typing import NoReturn

from cms.errors import FieldError, InvalidInput, sentence
from cms.media.file_types import ALLOWED


def refuse(code: str, message: str) -> NoReturn:
    """Raise InvalidInput about the field `file`.

    `code` is one of empty, too_large, unsupported_type, too_many_pixels, broken_file.
    """
    raise InvalidInput([FieldError("file", code, message)])


def refuse_type() -> NoReturn:
    allowed = ", ".join(file_type.extension.lstrip(".") for file_type in ALLOWED)
    refuse(
        "unsupported_type",
        sentence("This file's type is not allowed. Allowed types: %(allowed)s.", allowed=allowed),
    )


def refuse_size(bytes_max: int) -> NoReturn:
    refuse("too_large", sentence("A file of this type may have %(most)s MB at most.", most=bytes_max // (1024 * 1024)))
