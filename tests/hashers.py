"""How the tests of one process hash passwords: servers that they start hash as the settings say."""

from cms.accounts.hashers import OwaspArgon2PasswordHasher


class CheapArgon2PasswordHasher(OwaspArgon2PasswordHasher):
    """Ours in all but its price: a thousandth of its memory, once."""

    time_cost = 1
    memory_cost = 19
