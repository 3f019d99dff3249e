"""A turn that one thread has among all processes of an installation on a machine, or in a pod."""

import contextlib
import fcntl
import hashlib
import os
import stat
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from django.conf import settings

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - each unit of systemd has a /tmp of its own, and all have this
_LOOK_AGAIN_S: Final = 0.02
"""The kernel has no lock with a time limit. Imports take picture after picture, and leave longer gaps."""


class MachineTurn:
    """Acquired and released like a semaphore. A killed process has released it.

    The lock is a file that only the same user of the operating system can open. Where there is none, such as one that
    another user has made under its name, each process has turns of its own.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._own = threading.Semaphore(1)
        self._descriptor: int | None = None
        self._path_locked = Path()
        os.register_at_fork(after_in_child=self._let_go)

    def acquire(self, timeout: float) -> bool:
        until = time.monotonic() + timeout
        if not self._own.acquire(timeout=timeout):
            return False
        is_taken = False
        try:
            is_taken = self._lock_file(until)
        finally:
            if not is_taken:
                self._let_go()
                self._own.release()
        return is_taken

    def release(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                self._path_locked.unlink()
        self._let_go()
        self._own.release()

    def _lock_file(self, until: float) -> bool:
        path = self._path()
        while (descriptor := _open_private(path)) is not None:
            self._descriptor, self._path_locked = descriptor, path
            if not _lock(descriptor, until):
                return False
            if os.fstat(descriptor).st_nlink:
                return True
            self._let_go()  # its last holder has removed it
        return True

    def _let_go(self) -> None:
        """The lock is gone when nobody has the file open: not as long as a forked process has its parent's."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _path(self) -> Path:
        folder = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
        site = hashlib.blake2b(os.fsencode(settings.MEDIA_ROOT), digest_size=8).hexdigest()
        return folder / f"tandem-{self._name}-{os.geteuid()}-{site}"


def _open_private(path: Path) -> int | None:
    """Return a descriptor of the file, made if need be; None unless it is this user's alone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077:
        return descriptor
    os.close(descriptor)
    return None


def _lock(descriptor: int, until: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            left_s = until - time.monotonic()
            if left_s <= 0:
                return False
            time.sleep(min(_LOOK_AGAIN_S, left_s))
        except OSError:  # a file system without locks
            return True
        else:
            return True
