"""The project's hashers, which count how often they compute: what a login costs, without a stopwatch."""

from typing import ClassVar

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from cms.accounts.hashers import OwaspArgon2PasswordHasher


class CountingHasher(OwaspArgon2PasswordHasher):
    computed: ClassVar[list[str]] = []
    longest: ClassVar[int] = 0
    """Characters of the password that was hashed last."""

    def encode(self, password: str, salt: str) -> str:
        self.computed.append("encode")
        type(self).longest = len(password)
        return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        self.computed.append("verify")
        type(self).longest = len(password)
        return super().verify(password, encoded)


class CountingOldHasher(PBKDF2PasswordHasher):
    """What an account has that comes from elsewhere; counted together with the new ones."""

    def verify(self, password: str, encoded: str) -> bool:
        CountingHasher.computed.append("old verify")
        return super().verify(password, encoded)
