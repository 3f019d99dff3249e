"""Lists and single rows of the resources that need no more than rows, a shape and an order."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from django.db import models
from django.db.models import QuerySet
from django.db.models.expressions import BaseExpression
from django.http import HttpResponse

from api_v2.errors import not_found
from api_v2.keyset import Sort
from api_v2.pagination import PageRequest, Row, first_rows, page_of, read_page
from api_v2.selection import read_fields
from api_v2.serializers.bodies import Body
from api_v2.serializers.shapes import Shape, columns_of, selected, write, write_all
from api_v2.serializers.wire_rows import wire_row
from api_v2.views.api_view import ApiView
from api_v2.views.public_view import PublicView
from cms.db.statements import Name, fetch

NEXT_CHANGE: Final = "next_change_at"
"""The column with the instant at which time alone next changes what is public, the same in all rows."""


@dataclass(frozen=True)
class RowsForAll:
    """Rows that are the same for all who see the same: the text of their first pages' query is kept by `name`."""

    name: str
    rows_at: Callable[[datetime.datetime], QuerySet[Any]]
    """With the column NEXT_CHANGE."""


def answer_list(
    view: ApiView,
    wanted: PageRequest,
    *,
    rows: QuerySet[Any],
    shape: Shape,
    sort: Sort,
    computed: Mapping[str, BaseExpression] | None = None,
) -> HttpResponse:
    """Return a page of `rows`; `computed` are the expressions of columns that no table has."""
    fields = read_fields(view.query, shape)
    columns = columns_of(shape, fields, *sort.columns)

    def select(found: QuerySet[Any]) -> QuerySet[Any, Row]:
        return selected(found, columns, computed or {})

    page = read_page(view.http_request, wanted, rows=rows, sort=sort, select=select)
    return view.answer_page(page, write_all(page.rows, shape, fields, view.viewer))


def answer_list_for_all(
    view: PublicView, wanted: PageRequest, *, rows: RowsForAll, shape: Shape, sort: Sort
) -> HttpResponse:
    """Return a page of `rows`, kept until they change."""
    fields = read_fields(view.query, shape)
    is_first = wanted.cursor is None and not wanted.is_counted
    wire, more = wire_row(shape, fields) if is_first else None, (*sort.columns, NEXT_CHANGE)

    def select(found: QuerySet[Any]) -> QuerySet[Any, Row]:
        if wire:
            written: QuerySet[Any, Row] = found.annotate(wire=wire).values("wire", *more)
            return written
        return selected(found, columns_of(shape, fields, *more), {})

    def build(now: datetime.datetime, _: Name) -> QuerySet[Any, Row]:
        return first_rows(rows.rows_at(now), wanted, sort=sort, select=select)

    if is_first:
        key = (rows.name, tuple(fields), sort.as_text(), wanted.limit)
        page = page_of(view.http_request, wanted, fetch(key, build, view.now, ""), sort=sort)
    else:
        page = read_page(view.http_request, wanted, rows=rows.rows_at(view.now), sort=sort, select=select)
    if page.rows:
        view.keep_until(page.rows[0][NEXT_CHANGE])
    if wire:
        return view.answer_page(page, [orjson.Fragment(row["wire"]) for row in page.rows])
    return view.answer_page(page, write_all(page.rows, shape, fields, view.viewer))


def answer_one(
    view: ApiView, *, rows: QuerySet[Any], shape: Shape, computed: Mapping[str, BaseExpression] | None = None
) -> HttpResponse:
    """Return the one row of `rows`, or a 404. With the column NEXT_CHANGE it is kept until then."""
    fields = read_fields(view.query, shape)
    more = [name for name in (NEXT_CHANGE,) if name in rows.query.annotations]
    row = selected(rows.order_by(), columns_of(shape, fields, "updated_at", *more), computed or {}).first()
    if row is None:
        raise not_found()
    if more and isinstance(view, PublicView):
        view.keep_until(row[NEXT_CHANGE])
    return view.answer(write(row, shape, fields, view.viewer), changed_at=row["updated_at"])


def answer_changed(
    view: ApiView,
    *,
    rows: QuerySet[Any],
    shape: Shape,
    computed: Mapping[str, BaseExpression] | None = None,
    created: str | None = None,
) -> HttpResponse:
    """Return the changed row of `rows` as its GET shows it; `created` is the path of a new one below the base: 201."""
    row = selected(rows.order_by(), columns_of(shape, shape, "updated_at"), computed or {}).get()
    data = write(row, shape, shape, view.viewer)
    location = f"{view.viewer.base}{created}" if created else None
    return view.answer_once(data, status=201 if created else 200, location=location, changed_at=row["updated_at"])


def found[Row: models.Model](rows: QuerySet[Row]) -> Row:
    """Return the one row of `rows`. Raises the problem `not_found`."""
    row = rows.order_by().first()
    if row is None:
        raise not_found()
    return row


def refuse_members(view: ApiView) -> None:
    """Refuse members: an action takes no body, or an empty object, if its path says all."""
    if view.http_request.body:
        Body(view.body(), ()).finish()
