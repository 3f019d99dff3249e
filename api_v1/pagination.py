"""v1's pages: numbered and counted. They tolerate every query."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.db.models import QuerySet
from django.http import QueryDict

LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 100
FAR: Final = 1_000
"""After so many rows before a page, they are skipped by their ids: an index has those, but not the shown data."""
NUMBER_MAX: Final = 2**53 - 1  # what every JSON reader holds exactly (RFC 8259 section 6); no list is that long


class Page:
    """One page of `rows`, which have a total order; past the end it is empty without another query."""

    def __init__(self, rows: "QuerySet[Any] | KeptRows", query: QueryDict) -> None:
        self.number = number_or_default(query.get("page"), 1, NUMBER_MAX)
        self.limit = number_or_default(query.get("limit"), LIMIT_DEFAULT, LIMIT_MAX)
        self.total = rows.count()
        start = (self.number - 1) * self.limit
        self.rows: list[Any] = []
        if start < self.total:
            read = rows.read if isinstance(rows, KeptRows) else partial(_slice, rows)
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


@dataclass(frozen=True)
class KeptRows:
    """Rows whose condition is dearer to write as SQL than to answer: their number and first page have kept texts."""

    count: Callable[[], int]
    first: Callable[[int], list[Any]]
    """So many rows."""
    rows: Callable[[], QuerySet[Any]]

    def read(self, start: int, limit: int) -> list[Any]:
        return _slice(self.rows(), start, limit) if start else self.first(limit)


def _slice(rows: QuerySet[Any], start: int, limit: int) -> list[Any]:
    window = rows[start : start + limit]
    if start < FAR:
        return list(window)
    return list(rows.filter(pk__in=list(window.values_list("pk", flat=True))))


def number_or_default(text: str | None, default: int, maximum: int) -> int:
    """Return the positive whole number that `text` is, at most `maximum`; `default` for any other text."""
    if not text or not (text.isascii() and text.isdigit()):
        return default
    digits = text.lstrip("0")
    if len(digits) > 16:  # also spares int() from texts that it refuses to convert for their length
        return maximum
    return min(int(digits), maximum) if digits else default
