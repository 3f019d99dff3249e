"""The indexes of public lists, with all that says whether a post is public: totals are counted from them alone.

On PostgreSQL they are made without a lock against writes, and so outside a transaction: a run that was cut off can be repeated.
"""

from typing import Any

from django.db import migrations, models

LISTED = models.Q(("status", "published"), ("visibility", "public"))


class AddIndex(migrations.AddIndex):
    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        # What an interrupted run left is an index that PostgreSQL doesn't use, under the same name.
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}")
        schema_editor.add_index(model, self.index, concurrently=True)


class RemoveIndex(migrations.RemoveIndex):
    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.name)}")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("cms", "0010_delivery_traceparent")]

    operations = [
        AddIndex(
            model_name="post",
            index=models.Index(
                condition=LISTED,
                fields=["kind", "-published_at", "-id", "expires_at"],
                name="cms_post_listed_published",
            ),
        ),
        AddIndex(
            model_name="post",
            index=models.Index(
                condition=LISTED,
                fields=["kind", "-created_at", "-id", "published_at", "expires_at"],
                name="cms_post_listed_created",
            ),
        ),
        RemoveIndex(model_name="post", name="cms_post_public_published"),
        RemoveIndex(model_name="post", name="cms_post_public_created"),
    ]
