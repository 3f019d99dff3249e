"""Password hashing with the parameters OWASP recommends, and checking hashes that other systems have made."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.hashers import Argon2PasswordHasher, BCryptPasswordHasher


class OwaspArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id, 19 MiB, t=2, p=1 (OWASP Password Storage Cheat Sheet): 19 ms here against 196 ms of Django's defaults."""

    time_cost = 2
    memory_cost = 19_456  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        return _in_its_thread(super().encode, password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        return bool(_in_its_thread(super().verify, password, encoded))


class TruncatingBCryptPasswordHasher(BCryptPasswordHasher):
    """Plain bcrypt as it always was: of a password its first 72 bytes count. The library refuses longer ones by now."""

    def encode(self, password: str | bytes, salt: str | bytes) -> str:
        as_bytes = password if isinstance(password, bytes) else password.encode()
        return super().encode(as_bytes[:72], salt)  # type: ignore[arg-type]


def _in_its_thread[Result](compute: Callable[[str, str], Result], password: str, other: str) -> Result:
    """All hashes of a process are made in one thread, one after the other.

    So no more than 19 MiB are in use at a time. And left to itself glibc keeps what a hash took for the next one, in the heap
    of its thread: once for each heap, of which there are up to eight a core, and once more for each hash beside another one.
    """
    return _thread.submit(compute, password, other).result()


def _begin_anew() -> None:
    """A forked process has none of its parent's threads."""
    global _thread  # noqa: PLW0603
    _thread = _a_thread()


def _a_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="password-hashing")


_thread = _a_thread()
os.register_at_fork(after_in_child=_begin_anew)
