"""Keeps the search cheap after many writes, and gives deliveries their plural."""

from django.db import migrations

INDEXES = ("cms_searchdocument_vector", "cms_searchdocument_suggestion")


def keep_lists_short(apps, schema_editor):
    """Every search reads the list of pending entries of a GIN index from end to end (in PostgreSQL alone).

    At its 4 MB of standard the planner passes the index by after many writes (seen: 163 ms for 2); without a list, writing
    takes seven times as long.
    """
    if schema_editor.connection.vendor == "postgresql":
        for index in INDEXES:
            schema_editor.execute(f"ALTER INDEX {index} SET (gin_pending_list_limit = 256)")  # kB


def back_to_the_standard(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for index in INDEXES:
            schema_editor.execute(f"ALTER INDEX {index} RESET (gin_pending_list_limit)")


class Migration(migrations.Migration):
    dependencies = [("cms", "0006_search")]

    operations = [
        migrations.RunPython(keep_lists_short, back_to_the_standard),
        migrations.AlterModelOptions(name="delivery", options={"verbose_name_plural": "deliveries"}),
    ]
