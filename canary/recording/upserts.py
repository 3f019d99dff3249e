"""Add rows to those that are there already: Django's bulk_create can only overwrite them.

Rows go in by the order of their keys, so that two workers never wait for each other.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import batched
from typing import Any, Final

from django.db import connection
from django.db.models import Model

ROWS_AT_ONCE: Final = 500
"""SQLite takes 32766 parameters a statement, PostgreSQL 65535."""

ADD: Final = "{table}.{column} + excluded.{column}"
REPLACE: Final = "excluded.{column}"
# Not GREATEST or MAX(a, b): each engine has one of them only.
MAXIMUM: Final = "CASE WHEN excluded.{column} > {table}.{column} THEN excluded.{column} ELSE {table}.{column} END"
REPLACE_IF_ANY: Final = "CASE WHEN excluded.{column} <> '' THEN excluded.{column} ELSE {table}.{column} END"


def upsert(
    model: type[Model], keys: Sequence[str], changes: Mapping[str, str], rows: Iterable[Mapping[str, Any]]
) -> None:
    """Insert `rows`, and where one with the same `keys` is there, change its columns as `changes` says.

    Keys and columns are names of fields; a field that is in neither keeps what it has. All rows have the same fields.
    """
    ordered = sorted(rows, key=lambda row: [row[key] for key in keys])
    if not ordered:
        return
    fields = [model._meta.get_field(name) for name in ordered[0]]
    for some in batched(ordered, ROWS_AT_ONCE):
        values = [
            [field.get_db_prep_save(row[field.name], connection) for field in fields]  # type: ignore[union-attr]
            for row in some
        ]
        statement = _statement(
            model,
            [str(field.column) for field in fields],  # type: ignore[union-attr]
            keys,
            changes,
            len(some),
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, [value for row in values for value in row])


def _statement(
    model: type[Model], columns: Sequence[str], keys: Sequence[str], changes: Mapping[str, str], count: int
) -> str:
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    sets = ", ".join(
        f"{quote(column)} = {how.format(table=table, column=quote(column))}" for column, how in changes.items()
    )
    row = f"({', '.join(['%s'] * len(columns))})"
    values = ", ".join([row] * count)
    # Every name is one of the model's own, every value a parameter.
    insert = f"INSERT INTO {table} ({', '.join(map(quote, columns))}) VALUES {values}"  # noqa: S608
    return f"{insert} ON CONFLICT ({', '.join(map(quote, keys))}) DO UPDATE SET {sets}"
