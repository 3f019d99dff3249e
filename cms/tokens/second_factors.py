"""Second factors as text: the sealed secret of an authenticator app, its codes, recovery codes. Knows no database."""

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from cms.tokens.keys import key_for, keys_for

SECRET_BYTES: Final = 20  # the length of the hash, as RFC 4226 section 4 recommends
STEP_S: Final = 30
DIGITS: Final = 6
CODE_MAX: Final = 100  # of what somebody sends for a code
_RECOVERY: Final = b"tandem-recovery"
_BLANKS: Final = re.compile(r"[\s-]")
_CODE_BYTES: Final = 10  # 80 bits, in 16 letters


class Unreadable(Exception):
    """A secret that was sealed with a key that is in the settings no more, or for another proof."""


def seal(secret: bytes, proof_id: str = "") -> str:
    """Encrypt with a key made of SECRET_KEY, so that a copy of the database alone makes no codes.

    The key of a secret that nobody has confirmed is also made of the proof that has begun it.
    """
    return _fernet(proof_id).encrypt(secret).decode()


def unseal(sealed: str, proof_id: str = "") -> bytes:
    """Decrypt, also what an earlier key (SECRET_KEY_FALLBACKS) has sealed. Raises Unreadable."""
    try:
        return _fernet(proof_id).decrypt(sealed)
    except InvalidToken as error:
        raise Unreadable from error


def code_at(secret: bytes, step: int) -> str:
    """Return the code of a time step (RFC 4226 section 5.3, RFC 6238 section 4)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def plain(code: str) -> str:
    """Return a code as it is compared: without the blanks and dashes that people read it by."""
    return _BLANKS.sub("", code[:CODE_MAX]).lower()


def make_recovery_code() -> str:
    """Return four groups of four letters and digits that nobody confuses."""
    letters = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().lower()
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def digest_of_recovery_code(code: str) -> str:
    """Return a keyed digest: a copy of the database alone proves no code. A random code needs no slow hash."""
    return _digest(code, key_for(_RECOVERY))


def possible_digests(code: str) -> list[str]:
    """Return the digests by which a code may be stored: by the key of now, and by each earlier one."""
    return [_digest(code, key) for key in keys_for(_RECOVERY)]


def _digest(code: str, key: bytes) -> str:
    return hashlib.blake2b(plain(code).encode(errors="replace"), digest_size=32, key=key).hexdigest()


def _fernet(proof_id: str) -> MultiFernet:
    keys = keys_for(b"tandem-factors")
    if proof_id:
        keys = [hashlib.blake2b(proof_id.encode(), digest_size=32, key=key).digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])
