"""From rows to JSON: a shape declares for each field of a resource its columns, how it reads them, and its schema."""

import datetime
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Model, QuerySet
from django.db.models.expressions import BaseExpression

from api_v2.instants import format_instant
from api_v2.json_schema import STAMP, TEXT, UUID, Schema, ref
from api_v2.pagination import Row
from cms.policy import Actor


@dataclass(frozen=True)
class Viewer:
    """The reader, the time of reading, and the base of the links (`/api` or `/api/v2`)."""

    actor: Actor
    now: datetime.datetime
    base: str
    is_writer: bool = True
    """False for an API key that may not write posts, even if its owner may."""


type Read = Callable[[Row, Viewer], Any]


@dataclass(frozen=True)
class Field:
    columns: tuple[str, ...]
    read: Read
    schema: Schema
    """Its place in the document of the API."""


type Shape = Mapping[str, Field]


def column(name: str, schema: Schema = TEXT) -> Field:
    return Field((name,), lambda row, _: row[name], schema)


def instant(name: str, schema: Schema = STAMP) -> Field:
    return Field((name,), lambda row, _: format_instant(row[name]), schema)


ENTITY: Final[Shape] = {
    "id": column("id", UUID),
    "created_at": instant("created_at"),
    "updated_at": instant("updated_at"),
}
OBJECT: Final = Field(
    ("object_type", "object_id"),
    lambda row, _: {"type": row["object_type"], "id": row["object_id"]},
    ref("ObjectReference"),
)


def columns_of(shape: Shape, names: Iterable[str], *more: str) -> tuple[str, ...]:
    """Return the columns that these fields need, and `more`, each once."""
    wanted = [name for field in names for name in shape[field].columns]
    return tuple(dict.fromkeys([*wanted, *more]))


def write(row: Row, shape: Shape, names: Collection[str], viewer: Viewer) -> dict[str, Any]:
    return {name: shape[name].read(row, viewer) for name in names}


def write_object(made: Model, shape: Shape, viewer: Viewer) -> dict[str, Any]:
    """Return all fields of an object that has the columns of its shape as attributes."""
    return write({name: getattr(made, name) for name in columns_of(shape, shape)}, shape, shape, viewer)


def write_all(rows: Iterable[Row], shape: Shape, names: Collection[str], viewer: Viewer) -> list[dict[str, Any]]:
    reads = [(name, shape[name].read) for name in names]
    return [{name: read(row, viewer) for name, read in reads} for row in rows]


def selected(
    rows: QuerySet[Any], columns: Collection[str], computed: Mapping[str, BaseExpression]
) -> QuerySet[Any, Row]:
    """Return `rows` with these columns only; `computed` are the expressions of columns that no table has."""
    needed = {name: expression for name, expression in computed.items() if name in columns}
    found: QuerySet[Any, Row] = rows.annotate(**needed).values(*columns)
    return found


def version_at(changed_at: datetime.datetime) -> int:
    """Return the version of a row without a number of its own: microseconds since 1970."""
    return (changed_at - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(microseconds=1)


def split_ids(joined: str | None) -> list[str]:
    """Return ids that the database has joined by commas, in canonical form and in the order of their making."""
    if not joined:
        return []
    ids = sorted(joined.split(","))
    return ids if len(ids[0]) == 36 else [str(uuid.UUID(hex=text)) for text in ids]  # SQLite keeps the compact form
