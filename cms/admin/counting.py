"""How long a list is, without counting hundreds of thousands of rows for a number that nobody reads."""

from functools import cached_property
from itertools import takewhile
from typing import Any, Final, cast

from django.core.paginator import Page, Paginator
from django.db.models import Max, QuerySet

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

    @classmethod
    def slice_of(cls, rows: QuerySet[Any], low: int, high: int | None) -> QuerySet[Any]:
        """Return the rows from `low` to `high`, in their order."""
        return rows[low:high]


class FoundFirstPaginator(CappedPaginator):
    """Pages of rows that are dear to choose: a database finds all of them and then sorts them."""

    def page(self, number: Any) -> Page[Any]:
        page: Any = super().page(number)
        rows: Any = self.object_list
        marks = page.object_list.query
        page.object_list = self.slice_of(rows, marks.low_mark, marks.high_mark)
        return cast("Page[Any]", page)

    @classmethod
    def slice_of(cls, rows: QuerySet[Any], low: int, high: int | None) -> QuerySet[Any]:
        ids = ids_found_first(rows)[low:high]
        found: QuerySet[Any] = rows.model._default_manager.filter(pk__in=ids).order_by(*rows.query.order_by)
        return found


def ids_found_first(rows: QuerySet[Any]) -> QuerySet[Any, Any]:
    """Return the ids in the order of `rows`, which names columns up to the id.

    Each column becomes an aggregate of its one row. Else PostgreSQL sorts first, in the hope of meeting a page soon.
    """
    names: Any = rows.query.order_by
    columns = list(takewhile(lambda name: name.lstrip("-") != "pk", names))
    greatest = {f"greatest_{name.lstrip('-')}": Max(name.lstrip("-")) for name in columns}
    order = (name.replace(name.lstrip("-"), f"greatest_{name.lstrip('-')}") for name in columns)
    found: QuerySet[Any, Any] = rows.order_by().values("pk").alias(**greatest).order_by(*order, names[len(columns)])
    return found
