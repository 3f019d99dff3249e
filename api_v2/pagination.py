"""Lists: one page of rows by keyset, with the pinned paths to its neighbours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import QuerySet, Subquery
from django.db.models.lookups import IsNull
from django.http import HttpRequest

from api_v2.cursors import Cursor, Direction, decode_cursor, encode_cursor
from api_v2.keyset import Sort, rows_beyond
from api_v2.links import PINNED, resource_path
from api_v2.query import Query

PAGE_PARAMETERS: Final = ("limit", "cursor", "count")
LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 100
_HAS_LATER: Final = "rows_after_this_page"

type Row = dict[str, Any]


@dataclass(frozen=True)
class PageRequest:
    limit: int
    cursor: Cursor | None
    is_counted: bool
    binding: str


@dataclass(frozen=True)
class Page:
    rows: list[Row]
    limit: int
    next: str | None
    previous: str | None
    total: int | None

    def as_json(self) -> dict[str, Any]:
        page = {
            "next": self.next,
            "previous": self.previous,
            "has_more": self.next is not None,
            "limit": self.limit,
        }
        return page if self.total is None else {**page, "total": self.total}

    def link_header(self) -> str:
        links = (("next", self.next), ("prev", self.previous))
        return ", ".join(f'<{path}>; rel="{relation}"' for relation, path in links if path)


def read_page_request(
    request: HttpRequest, query: Query, *, sort: Sort | None, filters: Sequence[str] = ()
) -> PageRequest:
    """What the request says about pages. `filters` are the parameters that choose rows: a cursor is good for these alone.

    Without a `sort` the order isn't one of columns, and a cursor is no place in one.
    """
    binding = f"{resource_path(request)}?{urlencode(query.given(filters))}&sort={sort.as_text() if sort else ''}"
    cursor = query.text("cursor")
    return PageRequest(
        limit=query.whole_number("limit", 1, LIMIT_MAX, LIMIT_DEFAULT),
        cursor=decode_cursor(cursor, binding) if cursor else None,
        is_counted=bool(query.choices("count", ("exact",))),
        binding=binding,
    )


def read_page(
    request: HttpRequest,
    wanted: PageRequest,
    *,
    rows: QuerySet[Any],
    sort: Sort,
    select: Callable[[Any], QuerySet[Any, Row]],
    is_sparse: bool = False,
) -> Page:
    """One page of `rows`, by one query, and one more when they are to be counted. `select` gives the columns.

    Of sparse rows a database walks past thousands to find a page: then ids are looked for, which an index has, and only what
    was found is read.
    """
    here = rows.filter(rows_beyond(sort, wanted.cursor)) if wanted.cursor else rows
    if is_sparse:
        here = rows.model._default_manager.filter(pk__in=first_rows(here.values("pk"), wanted, sort))
    selected = select(here)
    # Forward one row too many tells whether there are more; backward nothing but a look the other way does.
    if wanted.cursor and wanted.cursor.is_backward:
        later = rows.filter(rows_beyond(sort, wanted.cursor.turned())).order_by(*sort.ordering(is_backward=False))
        # In their order, or PostgreSQL reads the table until it meets one: all of it where they stand at its end.
        selected = selected.annotate(**{_HAS_LATER: IsNull(Subquery(later.values("pk")[:1]), False)})
    found = list(first_rows(selected, wanted, sort))
    return page_of(request, wanted, found, sort=sort, total=rows.count() if wanted.is_counted else None)


def first_rows(rows: QuerySet[Any, Row], wanted: PageRequest, sort: Sort) -> QuerySet[Any, Row]:
    """As many as make a page, and one more to see whether there are more."""
    is_backward = wanted.cursor is not None and wanted.cursor.is_backward
    return rows.order_by(*sort.ordering(is_backward=is_backward))[: wanted.limit + 1]


def page_of(
    request: HttpRequest, wanted: PageRequest, found: list[Row], *, sort: Sort, total: int | None = None
) -> Page:
    """The page that the rows `first_rows` gave make."""
    cursor = wanted.cursor
    is_backward = cursor is not None and cursor.is_backward
    has_beyond = len(found) > wanted.limit
    # Of what comes after an empty page nothing is known: its way on may lead to another one.
    has_later = is_backward and (not found or found[0][_HAS_LATER])
    found = found[: wanted.limit]
    if is_backward:
        found.reverse()

    def path_to(direction: Direction, place: int) -> str | None:
        if found:
            at = Cursor(direction, sort.values_of(found[place]))
        elif cursor:  # all that stood here is gone: the way leads back to the place itself
            at = Cursor("from" if direction == "after" else "until", cursor.values)
        else:
            return None
        return path_with(request, at, wanted)

    return Page(
        rows=found,
        limit=wanted.limit,
        next=path_to("after", -1) if (has_later if is_backward else has_beyond) else None,
        previous=path_to("before", 0) if (has_beyond if is_backward else cursor) else None,
        total=total,
    )


def path_with(request: HttpRequest, at: Cursor, wanted: PageRequest) -> str:
    """The pinned path of this request from another place on."""
    others = [(name, value) for name, value in request.GET.items() if name != "cursor"]
    cursor = encode_cursor(at, wanted.binding)
    return f"{PINNED}{resource_path(request)}?{urlencode([*others, ('cursor', cursor)], safe=',')}"
