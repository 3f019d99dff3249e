"""Rows whose SQL is kept: writing it takes longer than answering it (`cms/db/compiled.py`)."""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from django.db.models import Count, DateTimeField, Model, QuerySet, TextField, UUIDField, Value

from api_v1.pagination import sliced
from cms.db.compiled import Given, ListOf, columns_of, compiled, objects_of
from cms.policy import Actor
from cms.querysets.readers import Reader

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
        return objects_of(self.model, _first_of.rows(shape, **self._given), columns)

    @property
    def _given(self) -> dict[str, Any]:
        # One plan is as good for all values, except that an author or a tag may have few posts, or nearly all.
        return {"is_planned": self.values.keys() <= _FOR_ANY_PLAN, "viewer": self.user.pk, **self.values}

    def read(self, start: int, limit: int) -> list[Any]:
        """Return so many rows after the first `start`."""
        if not start:
            return self.first(limit)
        rows = self.build(self.user, SimpleNamespace(**self.values))
        return sliced(rows.only(*self.columns) if self.columns else rows, start, limit)


@compiled(**_GIVEN)
def _first_of(shape: tuple[Build, Reader, tuple[str, ...], int], given: Given) -> Any:
    build, reader, columns, limit = shape
    return build(reader.with_id(given.viewer), given).values(*columns)[:limit]


@compiled(**_GIVEN)
def _number_of(shape: tuple[Build, Reader], given: Given) -> Any:
    build, reader = shape
    one_group = build(reader.with_id(given.viewer), given).order_by().values(one=Value(1))
    return one_group.annotate(total=Count("*")).values("total")  # of all, or none
