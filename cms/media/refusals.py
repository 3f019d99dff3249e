"""The refusals of uploaded files, and of images whose bytes are broken or too many."""

import struct
import traceback
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

from PIL import Image

from cms import limits
from cms.errors import FieldError, InvalidInput, sentence
from cms.media.file_types import ALLOWED

Image.MAX_IMAGE_PIXELS = limits.IMAGE_PIXELS_MAX
"""Beyond twice as many Pillow itself gives up, also for a later frame of a GIF."""
# The errors of Pillow's decoders for broken files; MemoryError when a size within one is absurd.
BROKEN: Final = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, AttributeError),
    *(AssertionError, MemoryError, RuntimeError, struct.error, zlib.error),
)


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


def refuse_pixels(pixels_max: int) -> NoReturn:
    millions = pixels_max // 1_000_000
    refuse(
        "too_many_pixels",
        sentence(
            "An image of this type may have %(millions)s million pixels at most, over all its frames.",
            millions=millions,
        ),
    )


@contextmanager
def refused_when_broken() -> Iterator[None]:
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        refuse_pixels(limits.IMAGE_PIXELS_MAX)
    except BROKEN:
        refuse("broken_file", "This image is broken or cut off.")


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
