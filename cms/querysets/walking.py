"""Reading very many rows a stretch at a time, outside a transaction: no cursor of the database stays open meanwhile."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Model, QuerySet


def walk_by_key[Row](rows: QuerySet[Any, Row], key: str = "pk", *, at_once: int = 1_000) -> Iterator[Row]:
    """Yield the rows in the order of `key`, from the greatest where it begins with "-"; `at_once` rows a statement.

    `key` names a unique column or annotation without NULLs. A row of values begins with it. No row comes twice;
    those that are added during the walk may be missed.
    """
    name, beyond = key.removeprefix("-"), "lt" if key.startswith("-") else "gt"
    ordered = rows.order_by(key)
    stretch = list(ordered[:at_once])
    while stretch:
        yield from stretch
        if len(stretch) < at_once:
            return
        stretch = list(ordered.filter(**{f"{name}__{beyond}": _key_of(stretch[-1], name)})[:at_once])


def walk_one_by_one[Row: Model](rows: QuerySet[Row]) -> Iterator[Row]:
    """Yield the rows in the order of their keys, each read by itself: for rows that may be megabytes long."""
    for pk in walk_by_key(rows.values_list("pk", flat=True)):
        yield from rows.filter(pk=pk)


def _key_of(row: Any, name: str) -> Any:
    if isinstance(row, Model):
        return getattr(row, name)
    return row[0] if isinstance(row, tuple) else row
