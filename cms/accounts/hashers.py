"""Password hashing with the parameters that OWASP recommends, and checking hashes that other systems have made."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from django.contrib.auth import hashers
from django.utils.translation import gettext_noop

from cms.costs.answering import client_answered
from cms.costs.turns import PLACES, Bounded, Places

PATIENCE_S: Final = 2.0
"""Ours take a hundredth of it. A hash of another system may take twenty times as long."""
BURST_S: Final = 2.0
"""Eight who sign in at once from one address on eight threads wait together for about half of the client's half."""
HASHING: Final = Bounded(
    gettext_noop("passwords are checked"),
    at_once=1,
    patience_s=PATIENCE_S,
    burst_s=BURST_S,
    places=Places(PLACES, one_each=client_answered),
)


class OwaspArgon2PasswordHasher(hashers.Argon2PasswordHasher):
    """Argon2id, 19 MiB, t=2, p=1 (OWASP Password Storage Cheat Sheet): 19 ms here; Django's defaults take 196 ms."""

    time_cost = 2
    memory_cost = 19_456  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        return _in_its_turn(super().encode, password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        return _in_its_turn(super().verify, password, encoded)


class _CheckedInTurn:
    """A hasher that checks an old hash as ours is checked. Nobody makes one."""

    def verify(self, password: str, encoded: str) -> bool:
        check: Callable[[str, str], bool] = super().verify  # type: ignore[misc]
        return _in_its_turn(check, password, encoded)


class OldPBKDF2PasswordHasher(_CheckedInTurn, hashers.PBKDF2PasswordHasher):
    pass


class OldBCryptSHA256PasswordHasher(_CheckedInTurn, hashers.BCryptSHA256PasswordHasher):
    pass


class OldScryptPasswordHasher(_CheckedInTurn, hashers.ScryptPasswordHasher):
    pass


class TruncatingBCryptPasswordHasher(_CheckedInTurn, hashers.BCryptPasswordHasher):
    """Plain bcrypt as it always was: of a password its first 72 bytes count. The library refuses longer ones by now."""

    def encode(self, password: str | bytes, salt: str | bytes) -> str:
        as_bytes = password if isinstance(password, bytes) else password.encode()
        return super().encode(as_bytes[:72], salt)  # type: ignore[arg-type]


def _in_its_turn[Result](compute: Callable[[str, str], Result], password: str, other: str) -> Result:
    """Hash in the one thread of the process, one after the other; few requests wait for that.

    So no more than 19 MiB are in use at a time, and reads have the other cores. And left to itself glibc keeps what
    a hash took for the next one, in the heap of its thread: once for each heap, of which there are up to eight a core,
    and once more for each hash beside another one. Raises Busy.
    """
    with HASHING.turn():
        return _thread.submit(compute, password, other).result()


def _begin_anew() -> None:
    """A forked process has none of its parent's threads."""
    global _thread  # noqa: PLW0603
    _thread = _a_thread()


def _a_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="password-hashing")


_thread = _a_thread()
os.register_at_fork(after_in_child=_begin_anew)
