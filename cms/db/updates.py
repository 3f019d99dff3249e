"""UPDATEs whose text is kept, as those of cms/db/inserts.py are."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.transaction import mark_for_rollback_on_error

from cms.errors import NotFound, sentence


class _Text(NamedTuple):
    fields: tuple[Any, ...]
    sql: str


def update(row: models.Model, *, without: tuple[str, ...] = ()) -> None:
    """Write the columns of a row that is in the database, as `save(force_update=True)` does, without signals.

    Fields named in `without` stay as they are: PostgreSQL writes a long text again even if it is the same.

    The row was read whole, and holds values: no deferred column, no expression. Raises NotFound when the row is gone.
    """
    database = connections[DEFAULT_DB_ALIAS]
    text, key = _text(type(row), database.vendor, without), row._meta.pk
    params = [field.get_db_prep_save(field.pre_save(row, False), database) for field in text.fields]
    with mark_for_rollback_on_error(), database.cursor() as cursor:
        cursor.execute(text.sql, [*params, key.get_db_prep_save(row.pk, database)])
        is_there = cursor.rowcount > 0
    if not is_there:
        raise NotFound(sentence("This %(noun)s does not exist any more.", noun=row._meta.verbose_name))


@cache
def _text(model: type[models.Model], vendor: str, without: tuple[str, ...]) -> _Text:
    named: Callable[[Any], str] = connection.ops.quote_name
    written = (field for field in model._meta.local_concrete_fields if field.name not in without)
    fields = tuple(field for field in written if not (field.primary_key or field.generated))
    values = ", ".join(f"{named(field.column)} = %s" for field in fields)
    # Our own names: nothing in the text comes from a client.
    sql = f"UPDATE {named(model._meta.db_table)} SET {values} WHERE {named(model._meta.pk.column)} = %s"  # noqa: S608
    return _Text(fields, sql)
