"""Rows that many readers ask for, such as posts and comments: a list or one of them, compiled once for each shape."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Final

from django.db.models import Count, DateTimeField, QuerySet, TextField, UUIDField, Value
from django.db.models.expressions import BaseExpression
from django.http import HttpRequest

from api_v2.keyset import Sort
from api_v2.pagination import AS_ONE, LIMIT_MAX, Page, PageRequest, Reading, Window, first_rows, page_of
from api_v2.serializers.shapes import Shape, Viewer, columns_of, selected
from cms.db.compiled import Given, ListOf, PlaceIn, Row, compiled, rows_of
from cms.db.found import in_order_of, sorts_whole_rows
from cms.policy import Actor
from cms.querysets.readers import Reader

NEXT_CHANGE: Final = "next_change_at"
"""The column with the instant at which time alone next changes what is public, the same in all rows."""
FILTER_VALUES: Final[dict[str, Any]] = {
    "languages": ListOf(TextField()),
    "usernames": ListOf(TextField()),
    **dict.fromkeys(("author_ids", "tag_ids", "category_ids", "ids"), ListOf(UUIDField())),
    **dict.fromkeys(("published_after", "published_before", "updated_after"), DateTimeField()),
}
"""The values of filters of posts, by the names under which a choice has them."""
PARAMS: Final[dict[str, Any]] = {
    "now": DateTimeField(),
    **dict.fromkeys(("viewer", "id", "post"), UUIDField()),
    "slug": TextField(),
    "found": ListOf(UUIDField()),
    **FILTER_VALUES,
}
type Choose = Callable[[Any, Any, Given], QuerySet[Any]]
type Read = Callable[[Any, Sort, Given], Reading]


@dataclass(frozen=True, eq=False)
class Source:
    """The rows of a resource; made once, as a constant of a module."""

    shape: Shape
    rows: Callable[[Actor, Given], QuerySet[Any]]
    """Those that a reader sees; given are the present, and the parameters that the caller of `read_…` names."""
    computed: Callable[[Actor, Given], Mapping[str, BaseExpression]] = lambda *_: {}
    """Expressions of columns that no table has."""
    more: tuple[str, ...] = ()
    """Columns to be read besides those of the shape."""
    choose: Choose = lambda rows, _choice, _given: rows
    """Returns the rows of a choice, which is hashable; the values of its filters are given."""
    reading: Read = lambda *_: AS_ONE
    """Returns how a list of a choice, in an order, is read best."""


@dataclass(frozen=True)
class _RowsShape:
    source: Source
    reader: Reader
    names: frozenset[str]
    """The parameters that are given."""
    columns: tuple[str, ...] = ()
    choice: Hashable = None
    sort: Sort | None = None
    window: Window | None = None


def read_list(
    request: HttpRequest,
    viewer: Viewer,
    source: Source,
    fields: Iterable[str],
    wanted: PageRequest,
    *more: str,
    choice: Any = None,
    **values: Any,
) -> Page:
    """Return a page of the rows that the viewer sees, of a choice those.

    A choice with filters is planned each time: it may leave few rows, or nearly all. No text is kept of a search: its
    conditions are too many.
    """
    names = (*wanted.sort.columns, *more)
    shape = _shape(source, viewer, fields, values, names, choice=choice, sort=wanted.sort, window=wanted.shape)
    values = {"now": viewer.now, "viewer": viewer.actor.pk, **values}
    if choice and choice.text is not None:
        given = SimpleNamespace(**values)
        rows = rows_of(_some_rows.build(replace(shape, window=wanted), given))
        totals = list(_number_of_rows.build(shape, given)) if wanted.is_counted else None
    else:
        how = {"is_planned": not (choice and choice.filters), **values}
        rows = _some_rows.rows(shape, **how, **wanted.values)
        totals = _number_of_rows.rows(_number_shape(shape), **how) if wanted.is_counted else None
    total = None if totals is None else sum(row["total"] for row in totals)
    return page_of(request, wanted, rows, total=total)


def read_all(viewer: Viewer, source: Source, fields: Iterable[str], *more: str, **values: Any) -> list[Row]:
    """Return all rows that the viewer sees: with an `id` or `slug` among the values one, or none.

    `found` are at most LIMIT_MAX ids, in whose order the rows come.
    """
    shape = _shape(source, viewer, fields, values, more)
    return _some_rows.rows(shape, now=viewer.now, viewer=viewer.actor.pk, **values)


def _shape(
    source: Source, viewer: Viewer, fields: Iterable[str], values: Mapping[str, Any], more: Iterable[str], **page: Any
) -> _RowsShape:
    columns = columns_of(source.shape, fields, *more, *source.more)
    return _RowsShape(source, Reader.of(viewer.actor), frozenset(values), columns, **page)


def _number_shape(shape: _RowsShape) -> _RowsShape:
    return replace(shape, columns=(), sort=None, window=None)


@compiled(**PARAMS)
def _some_rows(shape: _RowsShape, given: Given) -> QuerySet[Any, Row]:
    reader, source = shape.reader.with_id(given.viewer), shape.source

    def select(found: QuerySet[Any]) -> QuerySet[Any, Row]:
        return selected(found, shape.columns, source.computed(reader, given))

    rows = _seen(shape, given)
    if shape.sort and shape.window:
        how = source.reading(shape.choice, shape.sort, given)
        return first_rows(rows, shape.window, sort=shape.sort, select=select, how=how)
    if "found" in shape.names and sorts_whole_rows():
        rows = in_order_of(rows.values("pk")[:LIMIT_MAX])
    return select(rows)


@compiled(**PARAMS)
def _number_of_rows(shape: _RowsShape, given: Given) -> QuerySet[Any, Row]:
    one_group = _seen(shape, given).order_by().values(one=Value(1))
    counted: QuerySet[Any, Row] = one_group.annotate(total=Count("*")).values("total")
    return counted


def _seen(shape: _RowsShape, given: Given) -> QuerySet[Any]:
    rows = shape.source.rows(shape.reader.with_id(given.viewer), given)
    if "id" in shape.names:
        rows = rows.filter(pk=given.id)
    if "found" in shape.names:
        rows = rows.filter(pk__any_of=given.found).order_by(PlaceIn("pk", given.found))
    if "slug" in shape.names:
        rows = rows.filter(slug=given.slug)
    return rows if shape.choice is None else shape.source.choose(rows, shape.choice, given)
