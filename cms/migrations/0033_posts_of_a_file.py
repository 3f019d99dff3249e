"""The posts that show a file, in an order that only an index by the file gives."""

from typing import Any

from django.db import migrations, models

from cms.db.index_operations import AddIndex

BY_FILE = models.Index(fields=["mediafile", "post"], name="cms_post_media_by_file")
"""Of a table that has no model of its own."""


def _add(apps: Any, schema_editor: Any) -> None:
    _drop(apps, schema_editor)
    how = {"concurrently": True} if schema_editor.connection.vendor == "postgresql" else {}
    schema_editor.add_index(apps.get_model("cms", "Post").embedded_media.through, BY_FILE, **how)


def _drop(apps: Any, schema_editor: Any) -> None:
    how = "CONCURRENTLY " if schema_editor.connection.vendor == "postgresql" else ""
    schema_editor.execute(f"DROP INDEX {how}IF EXISTS {schema_editor.quote_name(BY_FILE.name)}")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("cms", "0032_erasure_indexes")]

    operations = [
        AddIndex("post", models.Index(fields=["featured_image", "id"], name="cms_post_featured")),
        migrations.RunPython(_add, _drop),
    ]
