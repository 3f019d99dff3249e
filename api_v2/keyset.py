"""Total orders of rows and the places in them: sort keys, NULLs last in every direction, the id as the last key."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db import connection
from django.db.models import DateTimeField, F, Max, Q, QuerySet, TextField, Value
from django.db.models.expressions import OrderBy

from api_v2.cursors import Cursor, SortValue
from cms.db.compiled import Param


@dataclass(frozen=True)
class SortKey:
    column: str
    is_descending: bool = False
    is_nullable: bool = False


@dataclass(frozen=True)
class Sort:
    """The keys in their order; none is the id, which is appended in the direction of the last one."""

    keys: tuple[SortKey, ...]

    @property
    def all_keys(self) -> tuple[SortKey, ...]:
        return (*self.keys, SortKey("id", self.keys[-1].is_descending))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(key.column for key in self.all_keys)

    def values_of(self, row: Mapping[str, Any]) -> tuple[SortValue, ...]:
        return tuple(row[column] for column in self.columns)

    def as_text(self) -> str:
        return ",".join(f"{'-' if key.is_descending else ''}{key.column}" for key in self.keys)


UNSORTED: Final = Sort(())


@dataclass(frozen=True)
class Stretch:
    """Rows of a list that stand side by side in it: those that `condition` holds for, in the order of `keys`."""

    condition: Q
    keys: tuple[SortKey, ...]

    def among(self, choice: Q) -> "Stretch":
        return replace(self, condition=choice & self.condition)


def ordering(keys: Sequence[SortKey], *, is_backward: bool) -> list[OrderBy]:
    return [_order_by(key, is_backward=is_backward) for key in keys]


def ids_found_first(rows: QuerySet[Any], sort: Sort, *, is_backward: bool) -> QuerySet[Any, dict[str, Any]]:
    """Return the ids in the list's order. A database finds all rows and then sorts them.

    Else PostgreSQL sorts first where few rows are wanted. It hopes to meet them soon, and compares each row on its way
    with all that it is looked for among. So each key but the id becomes an aggregate of its one row, which is known
    after that.
    """
    keys = [replace(key, column=f"greatest_{key.column}") for key in sort.keys]
    greatest = {key.column: Max(of.column) for key, of in zip(keys, sort.keys, strict=True)}
    in_order = ordering([*keys, sort.all_keys[-1]], is_backward=is_backward)
    found: QuerySet[Any, dict[str, Any]] = rows.order_by().values("pk").alias(**greatest).order_by(*in_order)
    return found


def whole(sort: Sort, cursor: Cursor | None) -> Stretch:
    """Return all rows beyond the cursor's place, or all without a cursor."""
    return Stretch(_beyond(sort.all_keys, cursor.values, cursor) if cursor else Q(), sort.all_keys)


def stretches(sort: Sort, cursor: Cursor | None) -> list[Stretch]:
    """Return the same rows in pieces that an index has in order: none mixes NULLs of the first key with other values.

    Where NULLs stand last, no index can be descending and ascending at once. One that has NULLs first has both pieces.
    """
    first, *others = sort.all_keys
    if not first.is_nullable:
        return [whole(sort, cursor)]
    keys = (replace(first, is_nullable=False), *others)
    is_at_null = cursor is not None and cursor.values[0] is None
    valued, missing = Q(**{f"{first.column}__isnull": False}), Q(**{f"{first.column}__isnull": True})
    if cursor and is_at_null:
        missing &= _beyond(others, cursor.values[1:], cursor)
    elif cursor:
        valued &= _beyond(keys, cursor.values, cursor)
    found = []
    if cursor is None or cursor.is_backward or not is_at_null:
        found.append(Stretch(valued, keys))
    if cursor is None or not cursor.is_backward or is_at_null:
        found.append(Stretch(missing, keys))
    return found


def _beyond(keys: Sequence[SortKey], values: Sequence[SortValue], cursor: Cursor) -> Q:
    """Return the condition k1 > v1, or k1 = v1 and (k2 > v2, or …), in the direction of each key."""
    places = list(zip(keys, values, strict=True))
    condition = _strictly_beyond(*places[-1], cursor)
    if cursor.is_inclusive:
        condition |= _same(*places[-1])
    for key, value in reversed(places[:-1]):
        condition = _strictly_beyond(key, value, cursor) | (_same(key, value) & condition)
    first_key, first_value = places[0]
    # A cursor of somebody who sees drafts may stand at one; in the hands of a visitor its key is missing all the same.
    if not first_key.is_nullable and first_value is not None:
        # Says nothing new, but an index is entered by it: no database gets there from the OR alone.
        condition = _not_before(first_key, first_value, cursor) & condition
    return condition


def _order_by(key: SortKey, *, is_backward: bool) -> OrderBy:
    is_descending = key.is_descending != is_backward
    if not key.is_nullable:
        return OrderBy(F(key.column), descending=is_descending)
    nulls = {"nulls_first": True} if is_backward else {"nulls_last": True}
    return OrderBy(F(key.column), descending=is_descending, **nulls)


def _strictly_beyond(key: SortKey, value: SortValue, cursor: Cursor) -> Q:
    if value is None:
        # NULLs come last: nothing is beyond them, everything else before them.
        return Q(**{f"{key.column}__isnull": False}) if cursor.is_backward else Q(pk__in=())
    low, high = stored_forms(value)
    is_lesser = key.is_descending != cursor.is_backward
    beyond = Q(**{f"{key.column}__lt": low}) if is_lesser else Q(**{f"{key.column}__gt": high})
    if key.is_nullable and not cursor.is_backward:
        beyond |= Q(**{f"{key.column}__isnull": True})
    return beyond


def _not_before(key: SortKey, value: SortValue, cursor: Cursor) -> Q:
    low, high = stored_forms(value)
    is_lesser = key.is_descending != cursor.is_backward
    return Q(**{f"{key.column}__lte": high}) if is_lesser else Q(**{f"{key.column}__gte": low})


def _same(key: SortKey, value: SortValue) -> Q:
    if value is None:
        return Q(**{f"{key.column}__isnull": True})
    low, high = stored_forms(value)
    return Q(**{key.column: value}) if low is value else Q(**{f"{key.column}__range": (low, high)})


def stored_forms(value: SortValue) -> Sequence[Any]:
    """Return the least and the greatest form in which the database holds `value`.

    SQLite compares instants as texts, and its own clock writes three digits of a second where Python writes six.
    """
    if connection.vendor != "sqlite":
        return value, value
    if isinstance(value, Param) and isinstance(value.output_field, DateTimeField):
        return Param(value.name, TextField(), _least_form), Param(value.name, TextField(), _greatest_form)
    if isinstance(value, datetime.datetime):
        return Value(_least_form(value), TextField()), Value(_greatest_form(value), TextField())
    return value, value


def _greatest_form(value: datetime.datetime) -> str:
    return value.isoformat(sep=" ", timespec="microseconds")[:26]


def _least_form(value: datetime.datetime) -> str:
    return _greatest_form(value).rstrip("0").rstrip(".")
