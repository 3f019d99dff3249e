"""The errors of files that can't be reached or kept. `bucket.py`, which raises one, loads the storage's libraries."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# No space, no quota, and a file system that has gone read-only after faults of its disk.
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


class MediaUnavailable(OSError):
    """The object storage is away or refuses us. The request could have done nothing better; it may be over in a moment.

    An OSError, as a file system's faults are.
    """

    def __init__(self, reason: str, name: str) -> None:
        super().__init__(errno.EIO, f"the object storage: {reason}", name)


class MediaFull(OSError):
    """The place of the files takes nothing more, or the disk on which they are prepared."""


@contextmanager
def keeping_files() -> Iterator[None]:
    """Tell a full disk of the files, which every version meets, from that of a file which a view alone writes."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise MediaFull(*error.args) from error
        raise


def is_full(error: BaseException | None) -> bool:
    """Return whether a disk took nothing more."""
    return isinstance(error, OSError) and error.errno in _FULL
