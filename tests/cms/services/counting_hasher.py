"""The project's hasher, which counts how often it computes: what a login costs, without a stopwatch."""

from typing import ClassVar

from cms.hashers import OwaspArgon2PasswordHasher


class CountingHasher(OwaspArgon2PasswordHasher):
    computed: ClassVar[list[str]] = []

    def encode(self, password: str, salt: str) -> str:
        self.computed.append("encode")
        return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        self.computed.append("verify")
        return super().verify(password, encoded)
