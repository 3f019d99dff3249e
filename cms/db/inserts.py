"""INSERTs whose text is kept: Django builds it again each time, which costs more than to run it."""

from functools import cache
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.models.expressions import DatabaseDefault
from django.db.transaction import mark_for_rollback_on_error


class _Text(NamedTuple):
    given: tuple[Any, ...]
    """The fields whose values a row has."""
    left: tuple[Any, ...]
    """Those whose values the database finds."""
    head: str
    group: str
    returning: str


def insert(*rows: models.Model, on_conflict: str = "") -> int:
    """Insert rows of one model as `save(force_insert=True)` does, without signals; return how many changed.

    All rows leave the same columns to the database. They are read back unless there is an `on_conflict`: a clause of
    that name, which PostgreSQL and SQLite take alike.
    """
    database = connections[DEFAULT_DB_ALIAS]  # the `connection` of all threads looks for it at each step
    text = _text(type(rows[0]), database.vendor, _left_by(rows[0]))
    params = [field.get_db_prep_save(field.pre_save(row, True), database) for row in rows for field in text.given]
    ending = on_conflict or text.returning
    with mark_for_rollback_on_error(), database.cursor() as cursor:
        cursor.execute(f"{text.head}{', '.join([text.group] * len(rows))} {ending}", params)
        found = cursor.fetchall() if ending and ending is text.returning else None
        count: int = cursor.rowcount if found is None else len(found)
    for row, values in zip(rows, found or (), strict=False):
        for field, value in zip(text.left, values, strict=True):
            setattr(row, field.attname, _converted(field, value))
    for row in rows if count == len(rows) else ():  # else some were left out, and nobody knows which
        row._state.adding, row._state.db = False, database.alias
    return count


def _left_by(row: models.Model) -> frozenset[str]:
    values, number = vars(row), row._meta.auto_field
    left = [name for name, value in values.items() if isinstance(value, DatabaseDefault)]
    return frozenset([*left, number.attname] if number and values[number.attname] is None else left)


@cache
def _text(model: type[models.Model], vendor: str, left: frozenset[str]) -> _Text:
    fields = [field for field in model._meta.local_concrete_fields if not field.generated]
    given = tuple(field for field in fields if field.attname not in left)
    awaited = tuple(field for field in fields if field.attname in left)
    named = connection.ops.quote_name
    head = f"INSERT INTO {named(model._meta.db_table)} ({_columns(given)}) VALUES "  # noqa: S608 - our own names
    group = f"({', '.join(['%s'] * len(given))})"
    return _Text(given, awaited, head, group, f"RETURNING {_columns(awaited)}" if awaited else "")


def _columns(fields: tuple[Any, ...]) -> str:
    return ", ".join(connection.ops.quote_name(field.column) for field in fields)


def _converted(field: Any, value: Any) -> Any:
    """Return the value as a query would give it."""
    column = field.get_col(field.model._meta.db_table)
    for convert in (*connection.ops.get_db_converters(column), *column.get_db_converters(connection)):
        value = convert(value, column, connection)
    return value
