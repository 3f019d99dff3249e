"""Tables of one transaction on PostgreSQL, which stand before the site's: a dry run locks and writes only these.

A table of the schema `pg_temp` hides the one of its name, so services work on it unchanged. Nobody else sees it, and it
goes with the transaction. So no writer waits for a row that a dry run holds, or for a name that it would take.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.db import connection, models

from cms.models import Category, Comment, ImportRecord, Post, Redirect, Tag, User

COPIED: Final = (User, Tag, Category, Post, Comment, Redirect, ImportRecord)
"""An import's remarks depend on these. It only adds to the other tables, and those begin empty."""
TEXTS_OF_POSTS: Final = {"content": "'-'", "content_html": "''"}
"""In SQL. The real ones take most of the space, and no remark depends on them."""
_SCHEMA: Final = "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = %s::regclass"
_LIMITLESS: Final = ("statement_timeout", "idle_in_transaction_session_timeout")


@contextlib.contextmanager
def private_tables() -> Iterator[None]:
    """Hide the tables of content behind copies, until the transaction of the caller is rolled back."""
    with connection.cursor() as cursor:
        for name in _LIMITLESS:  # copying a million posts takes a minute, and a file may be read for as long
            cursor.execute(f"SET LOCAL {name} = 0")
        cursor.execute(_SCHEMA, [Post._meta.db_table])
        (schema,) = cursor.fetchone()
        for model in apps.get_app_config("cms").get_models(include_auto_created=True):
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"CREATE TEMPORARY TABLE {table} (LIKE {schema}.{table} INCLUDING ALL) ON COMMIT DROP")
            if model in COPIED:
                _copy(cursor, model, schema, table)
    with _unplanned():
        yield


def _copy(cursor: Any, model: type[models.Model], schema: str, table: str) -> None:
    names = [str(field.column) for field in model._meta.local_concrete_fields]
    columns = [connection.ops.quote_name(name) for name in names]
    texts = TEXTS_OF_POSTS if model is Post else {}
    values = [texts.get(name, column) for name, column in zip(names, columns, strict=True)]
    into, out_of = f"pg_temp.{table} ({', '.join(columns)})", f"{schema}.{table}"
    cursor.execute(f"INSERT INTO {into} SELECT {', '.join(values)} FROM {out_of}")  # noqa: S608 - names of models
    cursor.execute(f"ANALYZE pg_temp.{table}")


@contextlib.contextmanager
def _unplanned() -> Iterator[None]:
    """Use no statement that the server has planned: it may have been planned for the site's tables."""
    session = connection.connection
    threshold, session.prepare_threshold = session.prepare_threshold, None
    try:
        yield
    finally:
        session.prepare_threshold = threshold
