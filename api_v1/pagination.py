"""v1's pages: numbered and counted. They tolerate every query."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.db.models import QuerySet
from django.http import QueryDict

from cms.db.found import found_first, sorts_whole_rows

if TYPE_CHECKING:
    from api_v1.kept import Kept

LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 100
FAR: Final = 1_000
"""After so many rows before a page, they are skipped by their ids: an index has those, but not the shown data."""
NUMBER_MAX: Final = 2**53 - 1  # what every JSON reader holds exactly (RFC 8259 section 6); no list is that long


class Page:
    """One page of `rows`, which have a total order; past the end it is empty without another query."""

    def __init__(self, rows: "QuerySet[Any] | Kept", query: QueryDict) -> None:
        self.number = number_or_default(query.get("page"), 1, NUMBER_MAX)
        self.limit = number_or_default(query.get("limit"), LIMIT_DEFAULT, LIMIT_MAX)
        self.total = rows.count()
        start = (self.number - 1) * self.limit
        self.rows: list[Any] = []
        if start < self.total:
            read = partial(sliced, rows) if isinstance(rows, QuerySet) else rows.read
            self.rows = read(start, self.limit)

    def body(self, serialize: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Return v1's Paginated."""
        return {
            "items": [serialize(row) for row in self.rows],
            "total": self.total,
            "page": self.number,
            "limit": self.limit,
            "total_pages": max(1, -(-self.total // self.limit)),
        }


def sliced(rows: QuerySet[Any], start: int, limit: int) -> list[Any]:
    """Return so many rows after the first `start`."""
    return list(window_of(rows, start, limit))


def window_of(rows: QuerySet[Any], start: int, limit: int) -> QuerySet[Any]:
    window = rows[start : start + limit]
    if sorts_whole_rows():
        return found_first(window)
    return window if start < FAR else rows.filter(pk__in=list(window.values_list("pk", flat=True)))


def number_or_default(text: str | None, default: int, maximum: int) -> int:
    """Return the positive whole number that `text` is, at most `maximum`; `default` for any other text."""
    if not text or not (text.isascii() and text.isdigit()):
        return default
    digits = text.lstrip("0")
    if len(digits) > 16:  # also spares int() from texts that it refuses to convert for their length
        return maximum
    return min(int(digits), maximum) if digits else default
