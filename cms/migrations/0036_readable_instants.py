"""Instants that PostgreSQL can hold and no driver can read, or no time zone can show, are moved to the nearest year."""

from typing import Any

from django.db import migrations

GIVEN = {"cms_post": ("published_at", "expires_at", "settles_at"), "cms_apikey": ("expires_at",)}
FIRST, LAST = "1900-01-02 00:00:00+00", "9998-12-30 00:00:00+00"


def move(apps: Any, schema_editor: Any) -> None:
    """SQLite holds none: there Django refuses to write them."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, columns in GIVEN.items():
        for column in columns:
            schema_editor.execute(
                f"UPDATE {table} SET {column} = greatest(least({column}, '{LAST}'), '{FIRST}') "  # noqa: S608
                f"WHERE {column} < '{FIRST}' OR {column} > '{LAST}'"
            )


class Migration(migrations.Migration):
    dependencies = [("cms", "0035_request_for_an_address")]

    operations = [migrations.RunPython(move, migrations.RunPython.noop)]
