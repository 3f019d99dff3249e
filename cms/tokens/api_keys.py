"""API keys as text: making one, finding its prefix, and the digest that is stored of it. Knows no database.

The digest is not `django.core.signing`'s: the rows of all keys hold it, and another one would end every key.
"""

import hashlib
import re
import secrets
from base64 import b32encode
from typing import Final

from cms.tokens.keys import keys_for

_PREFIX_BYTES: Final = 10  # 16 letters, which is what a row holds
_SECRET_BYTES: Final = 25  # 200 bits in 40 letters
# The name in front lets scanners of repositories and logs find a key that has leaked.
_FORM = re.compile(r"tdm_([a-z2-7]{16})_[a-z2-7]{40}", re.ASCII)


def make_raw_key() -> str:
    """Return `tdm_<prefix>_<secret>`, each part random."""
    return f"tdm_{_letters(_PREFIX_BYTES)}_{_letters(_SECRET_BYTES)}"


def prefix_of(raw_key: str) -> str | None:
    """Return the part that isn't secret and finds the row; None for text without the form of a key."""
    match = _FORM.fullmatch(raw_key)
    return match[1] if match else None


def digest_of(raw_key: str) -> str:
    """Return a keyed digest: a copy of the database alone proves no key. A random key needs no slow hash."""
    return possible_digests(raw_key)[0]


def possible_digests(raw_key: str) -> list[str]:
    """Return the digests by which a key may be stored: by the SECRET_KEY of now, then by each earlier one."""
    keys = keys_for(b"tandem-api-keys")
    return [hashlib.blake2b(raw_key.encode(), digest_size=32, key=key).hexdigest() for key in keys]


def _letters(length_bytes: int) -> str:
    return b32encode(secrets.token_bytes(length_bytes)).decode().lower()
