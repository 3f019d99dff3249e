"""Rows that many readers ask for, such as tags and comments: a list or one of them, compiled once for each shape."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, DateTimeField, QuerySet, TextField, UUIDField, Value
from django.db.models.expressions import BaseExpression
from django.http import HttpRequest

from api_v2.keyset import Sort
from api_v2.pagination import Page, PageRequest, Window, first_rows, page_of
from api_v2.serializers.shapes import Shape, Viewer, columns_of, selected
from cms.db.compiled import Given, Row, compiled
from cms.ids import parse_uuid
from cms.policy import Actor
from cms.querysets.readers import Reader

NEXT_CHANGE: Final = "next_change_at"
"""The column with the instant at which time alone next changes what is public, the same in all rows."""
_PARAMS: Final[dict[str, Any]] = {"id": UUIDField(), "slug": TextField(), "post": UUIDField()}


@dataclass(frozen=True, eq=False)
class Source:
    """The rows of a resource; made once, as a constant of a module."""

    shape: Shape
    rows: Callable[[Actor, Given], QuerySet[Any]]
    """Those that a reader sees; given are the present, and the parameters that the caller of `read_…` names."""
    computed: Callable[[Actor], Mapping[str, BaseExpression]] = lambda _: {}
    """Expressions of columns that no table has."""
    more: tuple[str, ...] = ()
    """Columns to be read besides those of the shape."""


@dataclass(frozen=True)
class _RowsShape:
    source: Source
    reader: Reader
    names: frozenset[str]
    """The parameters that are given."""
    columns: tuple[str, ...] = ()
    sort: Sort | None = None
    window: Window | None = None


def read_list(
    request: HttpRequest,
    viewer: Viewer,
    source: Source,
    fields: Iterable[str],
    wanted: PageRequest,
    sort: Sort,
    **values: Any,
) -> Page:
    """Return a page of the rows that the viewer sees."""
    shape = _shape(source, viewer, fields, values, sort.columns, sort=sort, window=wanted.shape)
    values = {"now": viewer.now, "viewer": viewer.actor.pk, **values}
    rows = _some_rows.rows(shape, **values, **wanted.values)
    total = None
    if wanted.is_counted:
        counted = _number_of_rows.rows(_RowsShape(source, shape.reader, shape.names), **values)
        total = sum(row["total"] for row in counted)
    return page_of(request, wanted, rows, sort=sort, total=total)


def read_all(viewer: Viewer, source: Source, fields: Iterable[str], *more: str, **values: Any) -> list[Row]:
    """Return all rows that the viewer sees: with an `id` or `slug` among the values one, or none."""
    shape = _shape(source, viewer, fields, values, more)
    return _some_rows.rows(shape, now=viewer.now, viewer=viewer.actor.pk, **values)


def named(slug_or_id: str) -> dict[str, Any]:
    """Return the parameter that finds a row by its id or slug: no slug has the form of an id."""
    as_uuid = parse_uuid(slug_or_id)
    return {"id": as_uuid} if as_uuid else {"slug": slug_or_id}


def _shape(
    source: Source, viewer: Viewer, fields: Iterable[str], values: Mapping[str, Any], more: Iterable[str], **page: Any
) -> _RowsShape:
    columns = columns_of(source.shape, fields, *more, *source.more)
    return _RowsShape(source, Reader.of(viewer.actor), frozenset(values), columns, **page)


@compiled(now=DateTimeField(), viewer=UUIDField(), **_PARAMS)
def _some_rows(shape: _RowsShape, given: Given) -> QuerySet[Any, Row]:
    reader = shape.reader.with_id(given.viewer)

    def select(found: QuerySet[Any]) -> QuerySet[Any, Row]:
        return selected(found, shape.columns, shape.source.computed(reader))

    rows = _seen(shape, given)
    if shape.sort and shape.window:
        return first_rows(rows, shape.window, sort=shape.sort, select=select)
    return select(rows)


@compiled(now=DateTimeField(), viewer=UUIDField(), **_PARAMS)
def _number_of_rows(shape: _RowsShape, given: Given) -> QuerySet[Any, Row]:
    one_group = _seen(shape, given).order_by().values(one=Value(1))
    counted: QuerySet[Any, Row] = one_group.annotate(total=Count("*")).values("total")
    return counted


def _seen(shape: _RowsShape, given: Given) -> QuerySet[Any]:
    rows = shape.source.rows(shape.reader.with_id(given.viewer), given)
    if "id" in shape.names:
        rows = rows.filter(pk=given.id)
    return rows.filter(slug=given.slug) if "slug" in shape.names else rows
