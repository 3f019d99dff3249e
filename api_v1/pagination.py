"""v1's pages: numbered, counted, and tolerant of whatever the query says."""

from collections.abc import Callable
from typing import Any, Final

from django.db.models import QuerySet
from django.http import QueryDict

LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 100
NUMBER_MAX: Final = 2**53 - 1  # what every JSON reader holds exactly (RFC 8259 section 6); no list is that long


class Page:
    """One page of `rows`, which are in a total order; past the end it is empty and the database isn't asked for more."""

    def __init__(self, rows: QuerySet[Any], query: QueryDict) -> None:
        self.number = _positive(query.get("page"), default=1)
        self.limit = min(_positive(query.get("limit"), default=LIMIT_DEFAULT), LIMIT_MAX)
        self.total = rows.count()
        start = (self.number - 1) * self.limit
        self.rows: list[Any] = list(rows[start : start + self.limit]) if start < self.total else []

    def body(self, serialize: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """v1's Paginated."""
        return {
            "items": [serialize(row) for row in self.rows],
            "total": self.total,
            "page": self.number,
            "limit": self.limit,
            "total_pages": max(1, -(-self.total // self.limit)),
        }


def _positive(text: str | None, default: int) -> int:
    """The positive whole number that `text` is, at most NUMBER_MAX; `default` when it is none."""
    if not text or not (text.isascii() and text.isdigit()):
        return default
    digits = text.lstrip("0")
    if len(digits) > 16:  # also spares int() from texts that it refuses to convert for their length
        return NUMBER_MAX
    return min(int(digits), NUMBER_MAX) if digits else default
