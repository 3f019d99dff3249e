"""The error for files that can't be reached. `bucket.py`, which raises it, loads the storage's libraries."""

import errno


class MediaUnavailable(OSError):
    """The object storage is away or refuses us. The request could have done nothing better; it may be over in a moment.

    An OSError, as a file system's faults are.
    """

    def __init__(self, reason: str, name: str) -> None:
        super().__init__(errno.EIO, f"the object storage: {reason}", name)
