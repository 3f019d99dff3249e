"""The private copy of the rows that a write may read or change, and what is in it."""

from collections.abc import Iterable
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection, router
from django.db.models import Model, QuerySet

from canary.shadow.writes.effects import Key, Row, State, Table
from canary.shadow.writes.engines import PostgreSQL, SQLite

GROWTH: Final = 2
"""A handler may leave this many times as many rows as were allowed to be copied."""
CHARACTERS_MAX: Final = 4_000_000
"""In all of these rows, as text. They are held up to four times while they are compared."""


class TooManyRowsError(ValueError):
    """More rows, or more in them, than the budget allows."""


class PrivateCopy:
    """Made within the engine's transaction, which it seals: the next statements find the copies."""

    def __init__(self, engine: PostgreSQL | SQLite, querysets: Iterable[QuerySet[Any]], rows_max: int) -> None:
        self._engine, self._rows_max = engine, rows_max
        self.tables: dict[str, Table] = {}
        self._places: dict[str, str] = {}
        count = 0
        for queryset in querysets:
            for model in (queryset.model._meta.concrete_model, *queryset.model._meta.all_parents):
                count += self._copy(model, queryset)
                if count > rows_max:
                    raise TooManyRowsError(f"ROWS names more than {rows_max} rows.")
        engine.seal()

    def _copy(self, model: type[Model], queryset: QuerySet[Any]) -> int:
        """Add a queryset's rows to the copy of a table; return how many there were to add."""
        meta = model._meta
        if (alias := router.db_for_write(model)) != DEFAULT_DB_ALIAS:
            raise ValueError(f"ROWS names {meta.db_table} in the database {alias}: use tables of {DEFAULT_DB_ALIAS}.")
        if meta.db_table not in self.tables:
            self.tables[meta.db_table] = _table_of(model)
            self._places[meta.db_table] = self._engine.create(meta.db_table)
        try:
            query = queryset.values("pk").query
            query.select_for_update = False  # of the real rows, which nothing here locks
            chosen, params = query.sql_with_params()
        except EmptyResultSet:
            return 0
        columns = ", ".join(_quoted(str(field.column)) for field in meta.local_concrete_fields if not field.generated)
        keys = ", ".join(map(_quoted, self.tables[meta.db_table].keys))
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {self._places[meta.db_table]} ({columns}) "  # noqa: S608
                f"SELECT {columns} FROM {_quoted(meta.db_table)} WHERE ({keys}) IN ({chosen}) "
                f"LIMIT {self._rows_max + 1} ON CONFLICT DO NOTHING",
                params,
            )
            return max(int(cursor.rowcount), 0)

    def state(self) -> State:
        """Return all rows of the copy, as the database has them."""
        left = GROWTH * self._rows_max
        if sum(map(_characters_in, self.tables.values())) > CHARACTERS_MAX:
            raise TooManyRowsError(f"The rows of ROWS hold more than {CHARACTERS_MAX:,} characters.")
        found: dict[str, dict[Key, Row]] = {}
        for table in self.tables.values():
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {_quoted(table.name)}")  # noqa: S608  the copy comes first
                columns = [column[0] for column in cursor.description or ()]
                rows = [dict(zip(columns, map(_comparable, row), strict=True)) for row in cursor.fetchmany(left + 1)]
            left -= len(rows)
            if left < 0:
                raise TooManyRowsError(f"A version left more than {GROWTH * self._rows_max} rows.")
            found[table.name] = {tuple(row[key] for key in table.keys): row for row in rows}
        return found


def _characters_in(table: Table) -> int:
    """Count them in the database, before any is read."""
    lengths = " + ".join(f"COALESCE(LENGTH(CAST({_quoted(column)} AS text)), 0)" for column in table.columns)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COALESCE(SUM({lengths}), 0) FROM {_quoted(table.name)}")  # noqa: S608  of the copy
        [[count]] = cursor.fetchall()
    return int(count)


def _table_of(model: type[Model]) -> Table:
    meta = model._meta
    columns = tuple(str(field.column) for field in meta.local_concrete_fields)
    keys = tuple(str(field.column) for field in getattr(meta, "pk_fields", (meta.pk,)))
    refers_to = {
        str(field.column): field.remote_field.model._meta.db_table
        for field in meta.local_concrete_fields
        if field.remote_field
    }
    return Table(meta.db_table, keys, refers_to, columns)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def _comparable(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value
