"""Queries whose text is kept: building one costs more than running it, and for most reads only few values differ.

A query is built once with stand-ins, for the present and for a name, and run with real values in their places.
"""

import datetime
import uuid
from collections.abc import Callable, Hashable
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from api_v2.pagination import Row
from cms.db.prepared import fetch_all, with_constants

KEPT_MAX: Final = 256
NOW: Final = datetime.datetime(1, 2, 3, 4, 5, 6, 7, tzinfo=datetime.UTC)
SLUG: Final = "\ufdd0stand-in"  # no text holds this code point, see Unicode 23.7
ID: Final = uuid.UUID("0d1e7f2a-5b3c-8f4e-9a6b-c0ffee000001")  # of a version that nobody makes

type Name = str | uuid.UUID


class Statement:
    """One `values()` query, built with stand-ins."""

    def __init__(self, rows: QuerySet[Any, Row]) -> None:
        compiler = rows.query.get_compiler(connection=connection)
        try:
            sql, params = compiler.as_sql()
            self._sql, self._params = with_constants(sql, params, _is_constant)
        except EmptyResultSet:  # whatever the values
            self._sql, self._params = "", ()
        self._names = rows.query.selected or ()
        self._converters = compiler.get_converters([column for column, *_ in compiler.select[: compiler.col_count]])
        self._apply_converters = compiler.apply_converters

    def rows(self, values: dict[Hashable, Any]) -> list[Row]:
        """`values` by their stand-ins, both as the database takes them."""
        if not self._sql:
            return []
        params = [values.get(param, param) if isinstance(param, Hashable) else param for param in self._params]
        found = fetch_all(self._sql, params)
        if self._converters:
            found = self._apply_converters(found, self._converters)
        return [dict(zip(self._names, row, strict=True)) for row in found]


def _is_constant(param: Any) -> bool:
    return param not in (_adapted(NOW), _adapted(SLUG), _adapted(ID))


_kept: dict[Hashable, Statement] = {}


def fetch(
    key: Hashable, build: Callable[[datetime.datetime, Name], QuerySet[Any, Row]], now: datetime.datetime, name: Name
) -> list[Row]:
    """The rows of `build(now, name)`. Everything but these two that its text or values depend on is in `key`."""
    stand_in: Name = ID if isinstance(name, uuid.UUID) else SLUG
    kept_as = (connection.vendor, type(name), key)
    statement = _kept.get(kept_as)
    if statement is None:
        if len(_kept) >= KEPT_MAX:
            _kept.clear()
        statement = _kept[kept_as] = Statement(build(NOW, stand_in))
    return statement.rows({_adapted(NOW): _adapted(now), _adapted(stand_in): _adapted(name)})


def _adapted(value: Any) -> Any:
    """As the database's driver takes it."""
    if isinstance(value, datetime.datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value.hex if isinstance(value, uuid.UUID) and not connection.features.has_native_uuid_field else value
