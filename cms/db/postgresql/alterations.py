"""Which statements change a session beyond their transaction, told by their text: no round trip asks the server.

A function of the database that changes its caller's session is found only by the settings that the server reports.
"""

import re
from functools import lru_cache
from typing import Final

from psycopg.pq.abc import PGconn

REPORTED: Final = (
    *(b"default_transaction_read_only", b"search_path", b"TimeZone", b"session_authorization"),
    *(b"standard_conforming_strings", b"DateStyle", b"IntervalStyle", b"client_encoding"),
)
"""The settings of which the server tells each change, some of them only as of a version."""
CACHED_MAX: Final = 4_096
_FLAGS: Final = re.IGNORECASE | re.DOTALL
_AT_ITS_BEGINNING: Final = rb"(?:^|;)(?:\s|--[^\n]*\n|/\*.*?\*/)*"
_ALTERS: Final = re.compile(
    _AT_ITS_BEGINNING
    + rb"(?:SET\b(?!\s+(?:LOCAL|TRANSACTION|CONSTRAINTS)\b)|(?:RESET|DISCARD|LISTEN|PREPARE|LOAD|DO)\b"
    + rb"|DECLARE\b[^;]*\bWITH\s+HOLD\b|CREATE\s+(?:OR\s+REPLACE\s+)?(?:(?:GLOBAL|LOCAL)\s+)?TEMP)"
    + rb"|\bINTO\s+TEMP|\bset_config\s*\((?![^()]*,\s*true\s*\))|\bpg_(?:try_)?advisory_lock",
    _FLAGS,
)
_FORBIDS_WRITES: Final = re.compile(
    _AT_ITS_BEGINNING
    + rb"(?:SET|BEGIN|START|DO)\b[^;]*(?:\bREAD\s+ONLY\b|_read_only\b)|\bset_config\s*\([^()]*_read_only\b",
    _FLAGS,
)


def effects_of(text: bytes) -> tuple[bool, bool]:
    """Return whether a statement changes its session, and whether it forbids writes to its transaction or session."""
    return _effects_of(text) if len(text) <= CACHED_MAX else _effects_of.__wrapped__(text)


def reported_settings(pgconn: PGconn) -> tuple[bytes | None, ...]:
    """Return what the server has told so far, from memory."""
    return tuple(pgconn.parameter_status(name) for name in REPORTED)


@lru_cache(maxsize=512)
def _effects_of(text: bytes) -> tuple[bool, bool]:
    return _ALTERS.search(text) is not None, _FORBIDS_WRITES.search(text) is not None
