"""Lists and single rows of the resources that need no more than rows, a shape and an order."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models
from django.db.models import QuerySet
from django.db.models.expressions import BaseExpression
from django.http import HttpResponse

from api_v2.errors import not_found
from api_v2.pagination import AS_ONE, PageRequest, Reading, Row, page_of, read_page
from api_v2.serializers.bodies import read_body
from api_v2.serializers.shapes import Shape, columns_of, selected, write, write_all
from api_v2.sources import NEXT_CHANGE, Source, read_all, read_list
from api_v2.views.api_view import ApiView
from api_v2.views.public_view import PublicView


def answer_list_of(view: ApiView, wanted: PageRequest, source: Source, **values: Any) -> HttpResponse:
    """Return a page of a source's rows. With the column NEXT_CHANGE it is kept until then."""
    fields = view.query.fields(source.shape)
    page = read_list(view.http_request, view.viewer, source, fields, wanted, **values)
    keep_until_next_change(view, page.rows)
    return view.answer_page(page, write_all(page.rows, source.shape, fields, view.viewer))


def answer_one_of(view: ApiView, source: Source, **values: Any) -> HttpResponse:
    """Return the one row of a source that the values name, or a 404. With NEXT_CHANGE it is kept until then."""
    fields = view.query.fields(source.shape)
    rows = read_all(view.viewer, source, fields, "updated_at", **values)
    if not rows:
        raise not_found()
    keep_until_next_change(view, rows)
    return view.answer(write(rows[0], source.shape, fields, view.viewer), changed_at=rows[0]["updated_at"])


def keep_until_next_change(view: ApiView, rows: Sequence[Row]) -> None:
    """Let the response be kept until the instant in the column NEXT_CHANGE, where the rows have it."""
    if rows and NEXT_CHANGE in rows[0] and isinstance(view, PublicView):
        view.keep_until(rows[0][NEXT_CHANGE])


def answer_list(
    view: ApiView,
    wanted: PageRequest,
    *,
    rows: QuerySet[Any],
    shape: Shape,
    computed: Mapping[str, BaseExpression] | None = None,
    how: Reading = AS_ONE,
) -> HttpResponse:
    """Return a page of `rows`; `computed` are the expressions of columns that no table has."""
    fields = view.query.fields(shape)
    columns = columns_of(shape, fields, *wanted.sort.columns)

    def select(found: QuerySet[Any]) -> QuerySet[Any, Row]:
        return selected(found, columns, computed or {})

    read = read_page(rows, wanted, select, how)
    total = (rows if how.all_at_once is None else how.all_at_once).count() if wanted.is_counted else None
    page = page_of(view.http_request, wanted, read, total=total)
    return view.answer_page(page, write_all(page.rows, shape, fields, view.viewer))


def answer_one(
    view: ApiView, *, rows: QuerySet[Any], shape: Shape, computed: Mapping[str, BaseExpression] | None = None
) -> HttpResponse:
    """Return the one row of `rows`, or a 404."""
    fields = view.query.fields(shape)
    row = found(selected(rows, columns_of(shape, fields, "updated_at"), computed or {}))
    return view.answer(write(row, shape, fields, view.viewer), changed_at=row["updated_at"])


def answer_changed(
    view: ApiView,
    changed: models.Model,
    shape: Shape,
    *,
    computed: Mapping[str, BaseExpression] | None = None,
    created: str | None = None,
) -> HttpResponse:
    """Return the changed object as its GET shows it; `created` is the path of a new one below the base: 201."""
    rows = type(changed)._default_manager.filter(pk=changed.pk)
    row = selected(rows.order_by(), columns_of(shape, shape, "updated_at"), computed or {}).get()
    data = write(row, shape, shape, view.viewer)
    location = f"{view.viewer.base}{created}" if created else None
    return view.answer_once(data, status=201 if created else 200, location=location, changed_at=row["updated_at"])


def found[R: models.Model | Row](rows: QuerySet[Any, R]) -> R:
    """Return the one row of `rows`. Raises the problem `not_found`."""
    row = rows.order_by().first()
    if row is None:
        raise not_found()
    return row


def refuse_members(view: ApiView) -> None:
    """Refuse members: an action takes no body, or an empty object, if its path says all."""
    if view.http_request.body:
        read_body(view.body(), {})
