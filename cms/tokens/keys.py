"""The keys that sign and digest, made of SECRET_KEY and SECRET_KEY_FALLBACKS. Which text they sign is not here."""

import hashlib
from typing import Final

from django.conf import settings

_SIZE: Final = 32


def key_for(purpose: bytes) -> bytes:
    """Return the key of a purpose (at most 16 bytes): text of another one, or of SECRET_KEY itself, never passes."""
    return _derived(settings.SECRET_KEY, purpose)


def keys_for(purpose: bytes) -> list[bytes]:
    """Return the key of a purpose, then the one that each earlier SECRET_KEY gave."""
    return [_derived(each, purpose) for each in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _derived(secret_key: str, purpose: bytes) -> bytes:
    return hashlib.blake2b(secret_key.encode(), digest_size=_SIZE, person=purpose).digest()
