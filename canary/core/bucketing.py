"""The bucket of an identity: which ten-thousandth of all identities it belongs to. Frozen for ever by golden vectors."""

from hashlib import blake2b
from typing import Final

from canary.core.values import Identity

BUCKETS: Final = 10_000
SALT_BYTES: Final = (1, 64)  # a BLAKE2b key has at most 64 bytes (RFC 7693 section 2.1)


def bucket(identity: Identity, salt: str) -> int:
    """0..9999, uniform and independent between salts.

    Keyed BLAKE2b, so that nobody outside can mint an id that lands where they like; multiply-shift in place of a
    modulo, whose bias it does not have (Lemire 2019, arXiv:1805.10941).
    """
    # An id may come from a header or a command line with bytes that are no UTF-8: they must count, not fail.
    name = f"{identity.kind}:{identity.id}".encode(errors="surrogateescape")
    digest = blake2b(name, digest_size=8, key=salt.encode()).digest()
    return (int.from_bytes(digest, "big") * BUCKETS) >> 64
