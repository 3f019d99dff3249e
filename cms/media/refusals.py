"""The refusals of uploaded files."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def leaving_nothing() -> Iterator[None]:
    """Let go of what the frames of a refusal hold, such as a decoded picture, before it is passed on.

    An error and its frames hold each other until a full garbage collection, which may be many pictures later.
    """
    try:
        yield
    except InvalidInput as error:
        _clear_frames(error)
        raise


def _clear_frames(error: BaseException) -> None:
    following: BaseException | None = error
    while following is not None:
        traceback.clear_frames(following.__traceback__)
        following = following.__context__
