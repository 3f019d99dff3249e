"""Lists and single rows of the resources that need no more than rows, a shape and an order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
from cms.db.statements import fetch


@dataclass(frozen=True)
class RowsForAll:
    """Rows that are the same whoever asks and whenever: the text of their first pages' query is kept by `name`."""

    name: str
    rows: QuerySet[Any]


def answer_list(
    view: ApiView,
    wanted: PageRequest,
    *,
    rows: QuerySet[Any] | RowsForAll,
    shape: Shape,
    sort: Sort,
    computed: Mapping[str, BaseExpression] | None = None,
) -> HttpResponse:
    """A page of `rows`; `computed` are the expressions of columns that no table has."""
    fields = read_fields(view.query, shape)
    columns = columns_of(shape, fields, *sort.columns)

    def select(found: QuerySet[Any]) -> QuerySet[Any, Row]:
        return selected(found, columns, computed or {})

    all_rows = rows.rows if isinstance(rows, RowsForAll) else rows
    if isinstance(rows, RowsForAll) and wanted.cursor is None and not wanted.is_counted:
        wire = wire_row(shape, fields)

        def select_wire(found: QuerySet[Any]) -> QuerySet[Any, Row]:
            rows: QuerySet[Any, Row] = found.annotate(wire=wire).values("wire", *sort.columns)
            return rows

        def build(*_: Any) -> QuerySet[Any, Row]:
            return first_rows(all_rows, wanted, sort=sort, select=select_wire if wire else select)

        key = (rows.name, tuple(fields), sort.as_text(), wanted.limit)
        page = page_of(view.http_request, wanted, fetch(key, build, view.now, ""), sort=sort)
        if wire:
            return view.answer_page(page, [orjson.Fragment(row["wire"]) for row in page.rows])
    else:
        page = read_page(view.http_request, wanted, rows=all_rows, sort=sort, select=select)
    return view.answer_page(page, write_all(page.rows, shape, fields, view.viewer))


def answer_one(
    view: ApiView, *, rows: QuerySet[Any], shape: Shape, computed: Mapping[str, BaseExpression] | None = None
) -> HttpResponse:
    """The one row of `rows`, or a 404."""
    fields = read_fields(view.query, shape)
    row = selected(rows.order_by(), columns_of(shape, fields, "updated_at"), computed or {}).first()
    if row is None:
        raise not_found()
    return view.answer(write(row, shape, fields, view.viewer), changed_at=row["updated_at"])


def answer_changed(
    view: ApiView,
    *,
    rows: QuerySet[Any],
    shape: Shape,
    computed: Mapping[str, BaseExpression] | None = None,
    created: str | None = None,
) -> HttpResponse:
    """The row of `rows` after a change, as its GET shows it; `created` is the path below the base of a new one: 201."""
    row = selected(rows.order_by(), columns_of(shape, shape, "updated_at"), computed or {}).get()
    data = write(row, shape, shape, view.viewer)
    location = f"{view.viewer.base}{created}" if created else None
    return view.answer_once(data, status=201 if created else 200, location=location, changed_at=row["updated_at"])


def found[Row: models.Model](rows: QuerySet[Row]) -> Row:
    """The one row of `rows`. Raises the problem `not_found`."""
    row = rows.order_by().first()
    if row is None:
        raise not_found()
    return row


def refuse_members(view: ApiView) -> None:
    """For an action that says all by its path: it takes no body, or an empty object."""
    if view.http_request.body:
        Body(view.body(), ()).finish()
