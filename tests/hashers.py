"""How the tests of one process hash passwords: servers that they start hash as the settings say."""

from collections.abc import Callable
from typing import ClassVar

from cms.accounts.hashers import OwaspArgon2PasswordHasher


class CheapArgon2PasswordHasher(OwaspArgon2PasswordHasher):
    """Ours in all but its price: a thousandth of its memory, once."""

    time_cost = 1
    memory_cost = 19


class OvertakenHasher(CheapArgon2PasswordHasher):
    """Another request does something between the check, or the making, of a hash and what that hash is for."""

    act: ClassVar[Callable[[], object] | None] = None

    def encode(self, password: str, salt: str) -> str:
        encoded = super().encode(password, salt)
        _be_overtaken()
        return encoded

    def verify(self, password: str, encoded: str) -> bool:
        is_right = super().verify(password, encoded)
        _be_overtaken()
        return is_right


def _be_overtaken() -> None:
    act, OvertakenHasher.act = OvertakenHasher.act, None
    if act:
        act()
