"""Ids: which texts have the form of a UUID, the row with an id, and UUIDv7 of a given instant."""

import datetime
import random
import re
import uuid
from typing import Any

from django.db.models import QuerySet
from uuid_utils.compat import uuid7

from cms import limits

_UUID = re.compile(limits.UUID_PATTERN)


def parse_uuid(text: Any) -> uuid.UUID | None:
    """Return the UUID that `text` is the canonical or the compact form of, else None."""
    # uuid.UUID takes far more: braces, "urn:", "0x", underscores, hyphens anywhere, digits of any script.
    return uuid.UUID(text) if isinstance(text, str) and _UUID.match(text) else None


def with_id[Rows: QuerySet[Any]](rows: Rows, pk: uuid.UUID | None) -> Rows:
    """Narrow `rows` to the row with this id, or to no row for None."""
    return rows.filter(pk=pk)


def uuid7_at(instant: datetime.datetime) -> uuid.UUID:
    """Return a UUIDv7 whose time is `instant` (from 1970 on): ids of imported rows then sort as the rows do."""
    return uuid7(nanoseconds=max(0, int(instant.timestamp() * 1000)) * 1_000_000)


def random_uuid7(instant: datetime.datetime, rng: random.Random) -> uuid.UUID:
    """Return a UUIDv7 of `instant` with random bits from `rng`: the same seed, the same ids (RFC 9562 section 5.7)."""
    milliseconds = int(instant.timestamp() * 1000)
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | rng.getrandbits(12) << 64 | 0b10 << 62 | rng.getrandbits(62))
