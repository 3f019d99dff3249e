"""How long a list is, without counting hundreds of thousands of rows for a number that nobody reads."""

from functools import cached_property
from typing import Any, Final

from django.core.paginator import Paginator

COUNTED_MAX: Final = 10_000
"""Rows that a list counts and has pages for: filters lead to the others."""


class AtLeast(int):
    """A number that is shown with a plus sign."""

    def __str__(self) -> str:
        return f"{int(self)}+"


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        found: int = rows.order_by()[: COUNTED_MAX + 1].count()
        return found if found <= COUNTED_MAX else AtLeast(COUNTED_MAX)
