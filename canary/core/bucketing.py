"""The bucket of an identity: the ten-thousandth of all identities that it belongs to. Golden vectors freeze it."""

from functools import lru_cache
from hashlib import blake2b, sha256
from typing import Final

from canary.core.values import Identity

BUCKETS: Final = 10_000
SALT_BYTES: Final = (1, 64)  # a BLAKE2b key has at most 64 bytes (RFC 7693 section 2.1)


@lru_cache(maxsize=4_096)
def bucket(identity: Identity, salt: str) -> int:
    """Return the bucket of an identity: 0..9999, uniform, and independent between salts. Most come again soon.

    Keyed BLAKE2b: nobody outside can make up an id that lands in a chosen bucket. Multiply-shift has no bias, as a
    modulo has (Lemire 2019, arXiv:1805.10941).
    """
    # An id may come from a header or a command line with bytes that are not UTF-8: they must count, not fail.
    name = f"{identity.kind}:{identity.id}".encode(errors="surrogateescape")
    digest = blake2b(name, digest_size=8, key=salt.encode()).digest()
    return (int.from_bytes(digest, "big") * BUCKETS) >> 64


def cohort_of(salt: str) -> str:
    """Return the name of a cohort, by which events tell cohorts apart: it doesn't disclose the salt."""
    return sha256(salt.encode()).hexdigest()[:8]
