"""Lets PostgreSQL know the 2,000 most common words of documents, in place of 1,000.

It takes any other for rare (a two hundredth of the documents), and would read all that have it to rank the newest. From the
next ANALYZE on, which autovacuum makes.
"""

from typing import Any

from django.db import migrations


def know_more_words(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE cms_searchdocument ALTER COLUMN vector SET STATISTICS 200")


def know_as_many_as_before(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE cms_searchdocument ALTER COLUMN vector SET STATISTICS -1")


class Migration(migrations.Migration):
    dependencies = [("cms", "0011_post_list_indexes")]

    operations = [migrations.RunPython(know_more_words, know_as_many_as_before)]
