"""Password hashing with the parameters OWASP recommends, and checking hashes that other systems have made."""

import threading
from typing import Final

from django.contrib.auth.hashers import Argon2PasswordHasher, BCryptPasswordHasher

_ONE_AT_A_TIME: Final = threading.Lock()
"""glibc keeps the 19 MiB of each hash that ran beside another one: a worker's memory grew for hours. A core has a process."""


class OwaspArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id, 19 MiB, t=2, p=1 (OWASP Password Storage Cheat Sheet): 19 ms here against 196 ms of Django's defaults."""

    time_cost = 2
    memory_cost = 19_456  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _ONE_AT_A_TIME:
            encoded: str = super().encode(password, salt)
        return encoded

    def verify(self, password: str, encoded: str) -> bool:
        with _ONE_AT_A_TIME:
            return bool(super().verify(password, encoded))


class TruncatingBCryptPasswordHasher(BCryptPasswordHasher):
    """Plain bcrypt as it always was: of a password its first 72 bytes count. The library refuses longer ones by now."""

    def encode(self, password: str | bytes, salt: str | bytes) -> str:
        as_bytes = password if isinstance(password, bytes) else password.encode()
        return super().encode(as_bytes[:72], salt)  # type: ignore[arg-type]
