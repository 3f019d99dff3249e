"""Lists: one page of rows by keyset, with the pinned paths to its neighbours."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Final
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Q, QuerySet, Subquery
from django.db.models.lookups import IsNull
from django.http import HttpRequest

from api_v2.cursors import Cursor, Direction, decode_cursor, encode_cursor
from api_v2.keyset import Sort, Stretch, ids_found_first, ordering, stretches, whole
from api_v2.links import PINNED, resource_path
from api_v2.query import Query
from cms import limits
from cms.db.found import in_order_of, sorts_whole_rows
from cms.db.texts import whole_rows

PAGE_PARAMETERS: Final = ("limit", "cursor", "count")
LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 100
LOOKED_AT: Final = 200
_HAS_LATER: Final = "rows_after_this_page"

type Row = Mapping[str, Any]


@dataclass(frozen=True)
class Window:
    """The rows that a page is made of: so many beyond a place."""

    limit: int
    cursor: Cursor | None


@dataclass(frozen=True)
class PageRequest(Window):
    sort: Sort
    is_counted: bool
    binding: str

    @property
    def shape(self) -> Window:
        """Return the window with parameters in place of the cursor's values."""
        return Window(self.limit, self.cursor and self.cursor.with_params())

    @property
    def values(self) -> dict[str, Any]:
        """Return the values of these parameters."""
        return self.cursor.param_values() if self.cursor else {}


@dataclass(frozen=True)
class Reading:
    """How a list is best read."""

    is_sparse: bool = False
    """Whether a database would walk past thousands of rows to find a page. Then it looks for ids, which an index has,
    and reads only the found rows."""
    choices: Sequence[Q] = ()
    """Conditions of which each row fulfils one. An index has each in the list's order, with its NULLs at either end: a
    page is put together from the first rows of all."""
    among: QuerySet[Any] | None = None
    """All rows, where many may be hidden and each is dear to judge: a page is looked for among LOOKED_AT of them."""
    all_at_once: QuerySet[Any] | None = None
    """The same rows as the list's, by a query that costs the same however many are hidden: for a page that is not full
    among these, and to count."""


AS_ONE: Final = Reading()


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
        """Return the links to both neighbours, without one that is too long to be asked for."""
        links = (("next", self.next), ("prev", self.previous))
        return ", ".join(
            f'<{path}>; rel="{relation}"' for relation, path in links if path and len(path) <= limits.ADDRESS_MAX
        )


def read_page_request(request: HttpRequest, query: Query, *, sort: Sort, filters: Sequence[str] = ()) -> PageRequest:
    """Return the request for a page. `filters` are the parameters that choose rows: a cursor is valid for these alone.

    With UNSORTED the order isn't one of columns, and a cursor is not a place in one.
    """
    binding = f"{resource_path(request)}?{urlencode(query.given(filters))}&sort={sort.as_text()}"
    cursor = query.text("cursor")
    return PageRequest(
        limit=query.whole_number("limit", 1, LIMIT_MAX, LIMIT_DEFAULT),
        cursor=decode_cursor(cursor, binding) if cursor else None,
        sort=sort,
        is_counted=bool(query.choices("count", ("exact",))),
        binding=binding,
    )


def first_rows(
    rows: QuerySet[Any],
    wanted: Window,
    *,
    sort: Sort,
    select: Callable[[Any], QuerySet[Any, Row]],
    how: Reading = AS_ONE,
) -> QuerySet[Any, Row]:
    """Return the rows of a page, and one more that shows whether there are more."""
    here = _stretches(sort, wanted.cursor, how.choices)
    is_backward = wanted.cursor is not None and wanted.cursor.is_backward
    size = wanted.limit + 1
    pieces = [
        rows.filter(piece.condition).order_by(*ordering(piece.keys, is_backward=is_backward)).values("pk")[:size]
        for piece in here
    ]
    if sorts_whole_rows():
        return _with_later(select(in_order_of(pieces[0])), rows, wanted, sort, how)
    keys, found = here[0].keys, rows.filter(here[0].condition)
    if how.is_sparse or len(here) > 1:
        ids = pieces[0].union(*pieces[1:], all=True) if len(pieces) > 1 else pieces[0]
        keys, found = sort.all_keys, rows.model._default_manager.filter(pk__in=ids)
    selected = _with_later(select(found), rows, wanted, sort, how)
    return selected.order_by(*ordering(keys, is_backward=is_backward))[:size]


def _with_later(
    selected: QuerySet[Any, Row], rows: QuerySet[Any], wanted: Window, sort: Sort, how: Reading
) -> QuerySet[Any, Row]:
    """Add whether there are more rows after a page that was read backward.

    Forward one row too many tells whether there are more; backward nothing but a look the other way does.
    """
    if wanted.cursor is None or not wanted.cursor.is_backward:
        return selected
    turned = _stretches(sort, wanted.cursor.turned(), how.choices)
    if how.all_at_once is None:
        # In their order, or PostgreSQL reads the table until it meets one: all of it where they stand at its end.
        later = [
            rows.filter(one.condition).order_by(*ordering(one.keys, is_backward=False)).values("pk")[:1]
            for one in turned
        ]
    else:
        later = [ids_found_first(how.all_at_once.filter(one.condition), sort, is_backward=False)[:1] for one in turned]
    has_later = reduce(or_, (Q(IsNull(Subquery(one), False)) for one in later))
    annotated: QuerySet[Any, Row] = selected.annotate(**{_HAS_LATER: has_later})
    return annotated


def _stretches(sort: Sort, cursor: Cursor | None, choices: Sequence[Q]) -> list[Stretch]:
    if not choices or not connection.features.supports_slicing_ordering_in_compound:
        return [whole(sort, cursor)]
    pieces = stretches(sort, cursor)
    return [piece.among(choice) for choice in choices for piece in pieces] if len(choices) > 1 else pieces


def read_page(
    rows: QuerySet[Any], wanted: PageRequest, select: Callable[[Any], QuerySet[Any, Row]], how: Reading
) -> list[Row]:
    """Return the rows of `first_rows`. No cursor tells of a hidden row: a page ends at a row that it shows."""
    if how.among is None or how.all_at_once is None:
        return list(first_rows(rows, wanted, sort=wanted.sort, select=select, how=how))
    is_backward = wanted.cursor is not None and wanted.cursor.is_backward
    here = whole(wanted.sort, wanted.cursor)
    nearest = how.among.filter(here.condition).order_by(*ordering(here.keys, is_backward=is_backward))
    looked_at = list(nearest.values_list("pk", flat=True)[: LOOKED_AT + 1])
    among = rows.filter(pk__in=looked_at[:LOOKED_AT])
    found = list(first_rows(among, wanted, sort=wanted.sort, select=select, how=how))
    if len(found) > wanted.limit or len(looked_at) <= LOOKED_AT:
        return found
    everywhere = ids_found_first(how.all_at_once.filter(here.condition), wanted.sort, is_backward=is_backward)
    ids = list(everywhere.values_list("pk", flat=True)[: wanted.limit + 1])
    return list(first_rows(how.among.filter(pk__in=ids), wanted, sort=wanted.sort, select=select, how=how))


def page_of(request: HttpRequest, wanted: PageRequest, found: list[Row], *, total: int | None = None) -> Page:
    """Return the page for the rows of `first_rows`. It ends early where the next row's texts are not given."""
    cursor = wanted.cursor
    is_backward = cursor is not None and cursor.is_backward
    whole = whole_rows(found[: wanted.limit])
    has_beyond = len(found) > len(whole)
    # Nothing is known of the rows after an empty page: its next page may be empty too.
    has_later = is_backward and (not found or found[0][_HAS_LATER])
    near, far = (whole[0], whole[-1]) if whole else (None, None)

    def path_to(direction: Direction, row: Row | None) -> str | None:
        if row:
            at = Cursor(direction, wanted.sort.values_of(row))
        elif cursor:  # all that stood here is gone: the way leads back to the place itself
            at = Cursor("from" if direction == "after" else "until", cursor.values)
        else:
            return None
        return path_with(request, at, wanted)

    return Page(
        rows=whole[::-1] if is_backward else whole,
        limit=wanted.limit,
        next=path_to("after", near if is_backward else far) if (has_later if is_backward else has_beyond) else None,
        previous=path_to("before", far if is_backward else near) if (has_beyond if is_backward else cursor) else None,
        total=total,
    )


def path_with(request: HttpRequest, at: Cursor, wanted: PageRequest) -> str:
    """Return the pinned path of this request from another place on."""
    others = [(name, value) for name, value in request.GET.items() if name != "cursor"]
    cursor = encode_cursor(at, wanted.binding)
    return f"{PINNED}{resource_path(request)}?{urlencode([*others, ('cursor', cursor)], safe=',')}"
