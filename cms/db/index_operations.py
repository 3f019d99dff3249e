"""Operations of migrations on indexes that lock nobody out: PostgreSQL makes and drops them while rows are written.

A migration that has them is `atomic = False`, and can be repeated when it was cut off. PostgreSQL plans by the
expressions of an index only after it has counted their values: `analyse` has it do so.
"""

from typing import Any

from django.db import migrations, models


class AddIndex(migrations.AddIndex):
    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        _add(schema_editor, to_state.apps.get_model(app_label, self.model_name), self.index)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        _drop(schema_editor, self.index.name)


class RemoveIndex(migrations.RemoveIndex):
    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        _drop(schema_editor, self.name)


def analyse(table: str) -> migrations.RunPython:
    """Have PostgreSQL read a sample of the table: it takes seconds and blocks no reader or writer."""

    def look(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(f"ANALYZE {schema_editor.quote_name(table)}")

    return migrations.RunPython(look, migrations.RunPython.noop)


def add_link_index(model_name: str, field_name: str, index: models.Index) -> migrations.RunPython:
    """Add an index to the table of a many-to-many field, which has no model of its own in a migration's state."""

    def add(apps: Any, schema_editor: Any) -> None:
        _add(schema_editor, apps.get_model("cms", model_name)._meta.get_field(field_name).remote_field.through, index)

    return migrations.RunPython(add, lambda _, schema_editor: _drop(schema_editor, index.name))


def _add(schema_editor: Any, model: Any, index: models.Index) -> None:
    # An interrupted run leaves an index of the same name, which PostgreSQL doesn't use.
    _drop(schema_editor, index.name)
    how = {"concurrently": True} if schema_editor.connection.vendor == "postgresql" else {}
    schema_editor.add_index(model, index, **how)


def _drop(schema_editor: Any, index_name: str) -> None:
    how = "CONCURRENTLY " if schema_editor.connection.vendor == "postgresql" else ""
    schema_editor.execute(f"DROP INDEX {how}IF EXISTS {schema_editor.quote_name(index_name)}")
