"""Disks of a known size that can be full: file systems in memory, in a mount namespace of this process.

Nobody outside sees them, and they go with the last process inside, also after kill -9.
"""

import ctypes
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.servers import Credentials

# linux/mount.h
MS_REMOUNT: Final = 32
MS_REC: Final = 16_384
MS_PRIVATE: Final = 1 << 18
MNT_DETACH: Final = 2
HELP: Final = (
    "A disk that can be full needs a file system of its own, and this user may not mount one ({why}). Run as root,"
    " allow user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns=0), or name other faults in FAULTS."
)


class NoMounts(Exception):
    """The sentence says why no file system can be mounted, and what can be done."""


def enter_own_mounts() -> None:
    """Whatever is mounted from now on is seen by this process and its children alone. Call it before any thread starts.

    An ordinary user becomes the owner of a user namespace as well, in which the user keeps the same number.
    """
    if sys.platform != "linux" or not hasattr(os, "unshare"):
        raise NoMounts(HELP.format(why="only Linux has mount namespaces"))
    uid, gid = os.geteuid(), os.getegid()
    try:
        if uid == 0:
            os.unshare(os.CLONE_NEWNS)
        else:
            os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNS)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
            Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
        _mount("none", Path("/"), None, MS_REC | MS_PRIVATE, "")
    except OSError as error:
        raise NoMounts(HELP.format(why=error.strerror)) from error


@dataclass
class Disk:
    """A file system at `path`; what is written to it takes memory."""

    path: Path
    size_bytes: int
    owner: Credentials

    def mount(self) -> None:
        """Raises NoMounts."""
        self.path.mkdir(parents=True, exist_ok=True)
        owner = f",uid={self.owner['user']},gid={self.owner['group']}" if self.owner else ""
        try:
            _mount("tmpfs", self.path, "tmpfs", 0, f"mode=0711,size={self.size_bytes}{owner}")
        except OSError as error:
            raise NoMounts(HELP.format(why=error.strerror)) from error

    def unmount(self) -> None:
        """Take it away with its content, also while somebody still has a file of it open."""
        libc = ctypes.CDLL(None, use_errno=True)
        libc.umount2(str(self.path).encode(), MNT_DETACH)
        shutil.rmtree(self.path, ignore_errors=True)

    @property
    def used_bytes(self) -> int:
        told = os.statvfs(self.path)
        return (told.f_blocks - told.f_bfree) * told.f_frsize

    def fill(self) -> None:
        """Leave no free byte: the disk becomes as small as its content, which takes no memory as a ballast would."""
        while True:
            try:
                self._resize(self.used_bytes)
            except OSError:  # somebody has written meanwhile, and more is used than the new size
                continue
            return

    def free(self) -> None:
        self._resize(self.size_bytes)

    def _resize(self, size_bytes: int) -> None:
        _mount("tmpfs", self.path, "tmpfs", MS_REMOUNT, f"size={max(size_bytes, 4_096)}")


def _mount(source: str, target: Path, kind: str | None, flags: int, options: str) -> None:
    """The system call, and not the program: that one asks for root, also where a user may mount."""
    libc = ctypes.CDLL(None, use_errno=True)
    words = [source.encode(), str(target).encode(), kind.encode() if kind else None]
    if libc.mount(*words, ctypes.c_ulong(flags), options.encode()):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))
