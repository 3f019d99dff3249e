"""Rows whose SQL is kept: writing it takes longer than answering it (`cms/db/compiled.py`)."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from django.db.models import Count, DateTimeField, Model, QuerySet, TextField, UUIDField, Value

from api_v1.pagination import window_of
from cms.costs.bodies import PAGE_BYTES_MAX
from cms.db.compiled import Given, ListOf, Row, columns_of, compiled, objects_of, rows_of
from cms.db.found import found_first
from cms.db.texts import TEXT_BYTES, TextBytes, is_whole
from cms.policy import Actor
from cms.querysets.readers import Reader

CONTENT: Final = "content"
UNREAD: Final = "\0"
"""The content of posts that are not read: those before them fill an answer. No text has this character."""
type Build = Callable[[Actor, Given], QuerySet[Any]]
"""A hashable function of the reader, and of the values that are given."""
_GIVEN: Final[dict[str, Any]] = {
    "now": DateTimeField(),
    **dict.fromkeys(("viewer", "id", "author"), UUIDField()),
    **dict.fromkeys(("tag_slug", "tag_key"), TextField()),
    "ids": ListOf(UUIDField()),
}

_FOR_ANY_PLAN: Final = {"now", "id", "ids"}


@dataclass(frozen=True, eq=False)
class Kept:
    """The rows of `build` as `user` sees them. Their number and their first page have kept texts."""

    model: type[Model]
    build: Build
    user: Actor
    values: dict[str, Any]
    """By the names of _GIVEN, all but the viewer."""
    columns: tuple[str, ...] = ()
    """Fields to read besides the id; all without any."""

    def count(self) -> int:
        shape = (self.build, Reader.of(self.user))
        return sum(row["total"] for row in _number_of.rows(shape, **self._given))

    def first(self, limit: int) -> list[Any]:
        columns = tuple(columns_of(self.model, self.columns))
        shape = (self.build, Reader.of(self.user), columns, limit)
        return _objects(self.model, _first_of.rows(shape, **self._given), columns)

    @property
    def _given(self) -> dict[str, Any]:
        # One plan is as good for all values, except that an author or a tag may have few posts, or nearly all.
        return {"is_planned": self.values.keys() <= _FOR_ANY_PLAN, "viewer": self.user.pk, **self.values}

    def read(self, start: int, limit: int) -> list[Any]:
        """Return so many rows after the first `start`."""
        if not start:
            return self.first(limit)
        rows = self.build(self.user, SimpleNamespace(**self.values))
        return objects_within(window_of(rows, start, limit), self.columns)


@compiled(**_GIVEN)
def _first_of(shape: tuple[Build, Reader, tuple[str, ...], int], given: Given) -> Any:
    build, reader, columns, limit = shape
    return _with_columns(found_first(build(reader.with_id(given.viewer), given)[:limit]), columns)


def objects_within(rows: QuerySet[Any], fields: Collection[str] = ()) -> list[Any]:
    """Return objects with these fields, all without any. Long posts come without their contents: see `UNREAD`."""
    columns = columns_of(rows.model, fields)
    return _objects(rows.model, rows_of(_with_columns(rows, columns)), columns)


def _with_columns(rows: QuerySet[Any], columns: Sequence[str]) -> QuerySet[Any, Row]:
    found: QuerySet[Any, Row]
    if CONTENT not in columns:
        found = rows.values(*columns)
    else:  # the HTML counts as it does in v2, so that no page of v2 ends where one of v1 is read at once
        texts = TextBytes(CONTENT, "content_html", most=PAGE_BYTES_MAX)
        found = rows.annotate(**{TEXT_BYTES: texts}).values(*columns, TEXT_BYTES)
    return found


def _objects(model: type[Model], rows: list[Row], columns: Sequence[str]) -> list[Any]:
    read = [row if is_whole(row) else {**row, CONTENT: UNREAD} for row in rows]
    return objects_of(model, read, columns)


@compiled(**_GIVEN)
def _number_of(shape: tuple[Build, Reader], given: Given) -> Any:
    build, reader = shape
    one_group = build(reader.with_id(given.viewer), given).order_by().values(one=Value(1))
    return one_group.annotate(total=Count("*")).values("total")  # of all, or none
