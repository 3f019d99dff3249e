"""The common parts of all tables: a UUIDv7 key, two instants, and checks that count characters on both engines."""

import json
from typing import Any

from django.db import models
from django.db.models.functions import Length, Now
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual
from uuid_utils.compat import uuid7

from cms import limits


class Record(models.Model):
    """A row with a time-ordered id (UUIDv7, RFC 9562 section 5.7) that is written once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True


class Entity(Record):
    """A row that changes."""

    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True


class PlainEncoder(json.JSONEncoder):
    """Write characters as they are: SQLite stores JSON as it comes, and escapes are up to three times as long."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "ensure_ascii": False})


class SnapshotDecoder(json.JSONDecoder):
    """Read a snapshot with its texts cut to what is kept today: earlier releases kept far longer ones."""

    def decode(self, s: str, *args: Any) -> Any:
        found = super().decode(s, *args)
        if not isinstance(found, dict):  # one value of a snapshot
            return found
        return {name: _as_kept(name, value) for name, value in found.items()}


def _as_kept(name: str, value: Any) -> Any:
    most = limits.KEPT_TEXTS_MAX.get(name)
    return value[:most] if most and isinstance(value, str) else value


def length_between(field: str, minimum: int, maximum: int) -> models.Q:
    """Return a condition on the number of characters: SQLite ignores a varchar's length, so a check must state it."""
    return models.Q(GreaterThanOrEqual(Length(field), minimum)) & models.Q(LessThanOrEqual(Length(field), maximum))


def length_at_most(field: str, maximum: int) -> models.Q:
    return models.Q(LessThanOrEqual(Length(field), maximum))
