"""Lets PostgreSQL keep 300 titles as a picture of them all, in place of 100.

By these it guesses how many titles a prefix is in. Of 100 none may have what stands in a tenth of a site's titles, and to
suggest the newest ones all of them would be read.
"""

from typing import Any

from django.db import migrations

from cms.db.index_operations import analyse


def know_more_titles(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE cms_searchdocument ALTER COLUMN suggestion SET STATISTICS 300")


def know_as_many_as_before(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE cms_searchdocument ALTER COLUMN suggestion SET STATISTICS -1")


class Migration(migrations.Migration):
    dependencies = [("cms", "0013_list_indexes")]

    operations = [migrations.RunPython(know_more_titles, know_as_many_as_before), analyse("cms_searchdocument")]
