"""Queries whose text is kept: building one costs more than running it, and for most reads only few values differ.

A query is built once with stand-ins, for the present and for a name, and run with real values in their places.
"""

import datetime
import uuid
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Model, QuerySet

from cms.db.prepared import fetch_all, fetch_all_unplanned, with_constants

KEPT_MAX: Final = 256
SIZES: Final = (1, 5, 20, 100)
"""Numbers of names that have a text of their own, for a session keeps few; the last name is repeated up to the next."""
NOW: Final = datetime.datetime(1, 2, 3, 4, 5, 6, 7, tzinfo=datetime.UTC)
SLUG: Final = "\ufdd0stand-in"  # no text holds this code point, see Unicode 23.7
ID: Final = uuid.UUID("0d1e7f2a-5b3c-8f4e-9a6b-c0ffee000001")  # of a version that nobody makes
NUMBER: Final = -1_903_472_611  # no key of a row is below zero

type Name = str | uuid.UUID
type Row = Mapping[str, Any]


class Statement:
    """One `values()` query, built with stand-ins; `is_planned` says that PostgreSQL keeps its plan, too."""

    def __init__(
        self, rows: QuerySet[Any, Row], stand_ins: Sequence[Any], *, is_planned: bool = True, lock: str = ""
    ) -> None:
        self._fetch_all = fetch_all if is_planned else fetch_all_unplanned
        self._places = [_adapted(stand_in) for stand_in in stand_ins]
        compiler = rows.query.get_compiler(connection=connection)
        self._sql: str = ""
        self._params: tuple[Any, ...] = ()
        with suppress(EmptyResultSet):  # for any values
            sql, params = compiler.as_sql()
            sql += lock
            self._sql, self._params = sql, tuple(params)
            if is_planned:
                self._sql, self._params = with_constants(sql, params, lambda param: param not in self._places)
        self._names = rows.query.selected or ()
        self._converters = compiler.get_converters([column for column, *_ in compiler.select[: compiler.col_count]])
        self._apply_converters = compiler.apply_converters

    def rows(self, *real: Any) -> list[Row]:
        """Return the rows with `real` in the places of the stand-ins."""
        if not self._sql:
            return []
        values = dict(zip(self._places, map(_adapted, real), strict=True))
        params = [values.get(param, param) if isinstance(param, Hashable) else param for param in self._params]
        found = self._fetch_all(self._sql, params)
        if self._converters:
            found = self._apply_converters(found, self._converters)
        return [dict(zip(self._names, row, strict=True)) for row in found]


_kept: dict[Hashable, Statement] = {}


def fetch(
    key: Hashable,
    build: Callable[[datetime.datetime, Name], QuerySet[Any, Row]],
    now: datetime.datetime,
    name: Name,
    *,
    is_planned: bool = True,
    lock: str = "",
) -> list[Row]:
    """Return the rows of `build(now, name)`. `key` holds everything else that its text or values depend on.

    `lock` is for the end of the text: a lock that Django can't say.
    """
    stand_in = _stand_in_of(name, 0)
    kept_as = (connection.vendor, type(name), is_planned, key)
    statement = _kept.get(kept_as)
    if statement is None:
        rows = build(NOW, stand_in)
        statement = _keep(kept_as, Statement(rows, (NOW, stand_in), is_planned=is_planned, lock=lock))
    return statement.rows(now, name)


def fetch_named[N: (str, uuid.UUID, int)](
    key: Hashable,
    build: Callable[[Sequence[N]], QuerySet[Any, Row]],
    names: Sequence[N],
    *,
    is_planned: bool = False,
) -> list[Row]:
    """Return the rows of `build(names)`, all of one type and none twice; no instant is among its values.

    `is_planned` is for what is asked often; within a transaction it has no effect.
    """
    size: int = next((most for most in SIZES if most >= len(names)), 0)
    if not names or not size:
        return list(build(names))
    values = [*names, *[names[-1]] * (size - len(names))]
    return fetch_by(("named", key), lambda *places: build(places), *values, is_planned=is_planned)


def fetch_by(
    key: Hashable, build: Callable[..., QuerySet[Any, Row]], *values: Name | int, is_planned: bool = False
) -> list[Row]:
    """Return the rows of `build(*values)`, as `fetch_named`; each value has a meaning and a type of its own."""
    is_planned = is_planned and not connection.in_atomic_block
    # Never the place of one of `fetch`, which has an instant as well.
    kept_as = ("by", connection.vendor, *map(type, values), is_planned, key)
    statement = _kept.get(kept_as)
    if statement is None:
        stand_ins = [_stand_in_of(value, place) for place, value in enumerate(values)]
        statement = _keep(kept_as, Statement(build(*stand_ins), stand_ins, is_planned=is_planned))
    return statement.rows(*values)


def objects_of[M: Model](model: type[M], rows: Iterable[Row]) -> list[M]:
    """Return objects of rows that have all columns of the model, and may have more."""
    columns = columns_of(model)
    return [model.from_db(connection.alias, columns, [row[name] for name in columns]) for row in rows]


def columns_of(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def _keep(kept_as: Hashable, statement: Statement) -> Statement:
    if len(_kept) >= KEPT_MAX:
        _kept.clear()
    _kept[kept_as] = statement
    return statement


def _stand_in_of(name: Name | int, place: int) -> Any:
    if isinstance(name, uuid.UUID):
        return uuid.UUID(int=ID.int + place)
    return NUMBER - place if isinstance(name, int) else f"{SLUG}{place}"


def _adapted(value: Any) -> Any:
    """Return the value as the database's driver takes it."""
    if isinstance(value, datetime.datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value.hex if isinstance(value, uuid.UUID) and not connection.features.has_native_uuid_field else value
