"""Limits on a request body: the bytes that an operation accepts, and the errors that an answer lists."""

from typing import Final, Protocol

from django.conf import settings
from django.core.exceptions import RequestDataTooBig

from cms import limits

ESCAPED_BYTES: Final = 12
"""JSON may write a character as two escaped surrogates."""
BYTES_MAX: Final = 64 * 1024
"""For what holds names, addresses and lists of ids."""
COMMENT_BYTES_MAX: Final = ESCAPED_BYTES * limits.COMMENT_TEXT[1] + BYTES_MAX
POST_BYTES_MAX: Final = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
PAGE_BYTES_MAX: Final = 8 * 1024 * 1024
"""The texts of posts in one answer, in UTF-8; one post alone may exceed it."""
FAULTS_MAX: Final = 100
"""Faults of one body that an answer tells; the sender mends these first."""


class HasMeta(Protocol):
    @property
    def META(self) -> dict[str, object]: ...  # noqa: N802  as Django names it


def refuse_larger(request: HasMeta, most_bytes: int) -> None:
    """Raise RequestDataTooBig by the length that the head tells, before a byte is parsed.

    A server passes on no more than that length, and `cms.http.bodies` measures a body that came without one.
    """
    length = str(request.META.get("CONTENT_LENGTH") or "")
    if length.isdecimal() and int(length) > most_bytes:
        raise RequestDataTooBig(f"The body has {length} bytes, {most_bytes} are allowed.")
