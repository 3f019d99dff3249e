"""Instants as v1 writes them, in every serializer and in the health checks."""

import datetime


def timestamp(instant: datetime.datetime) -> str:
    """Return RFC 3339 in UTC with `Z` and always six digits of a second, as in 2026-12-01T08:30:00.000000Z."""
    return instant.astimezone(datetime.UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def timestamp_or_null(instant: datetime.datetime | None) -> str | None:
    return timestamp(instant) if instant else None
