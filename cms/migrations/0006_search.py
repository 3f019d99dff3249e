"""The search index: documents, and over them a tsvector with its indexes in PostgreSQL or an FTS5 table in SQLite.

SQLite's triggers belong to their table. Django makes a table anew to alter it, and they are gone with the old one: a
migration that alters SearchDocument ends with `OnEngine("sqlite", TRIGGERS)` again (a test looks for them).
"""

from itertools import batched

import django.db.models.deletion
from django.db import migrations, models

from cms.search.documents import document_of


class OnEngine(migrations.RunSQL):
    """SQL for one engine and nothing on the other."""

    def __init__(self, vendor, sql, reverse_sql):
        self.vendor = vendor
        super().__init__(sql, reverse_sql)

    def deconstruct(self):
        return self.__class__.__name__, [self.vendor, self.sql, self.reverse_sql], {}

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == self.vendor:
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == self.vendor:
            super().database_backwards(app_label, schema_editor, from_state, to_state)


# The words are folded, stemmed and spelt in ASCII already: 'simple' takes them as they are.
POSTGRESQL = [
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    """
    ALTER TABLE cms_searchdocument ADD COLUMN vector tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('pg_catalog.simple'::regconfig, title), 'A')
        || setweight(to_tsvector('pg_catalog.simple'::regconfig, excerpt), 'B')
        || setweight(to_tsvector('pg_catalog.simple'::regconfig, content), 'C')
    ) STORED
    """,
    # In the row and not compressed as long as it fits: ranking reads thousands of them.
    "ALTER TABLE cms_searchdocument ALTER COLUMN vector SET STORAGE MAIN",
    "ALTER TABLE cms_searchdocument SET (toast_tuple_target = 8160)",
    "CREATE INDEX cms_searchdocument_vector ON cms_searchdocument USING gin (vector)",
    "CREATE INDEX cms_searchdocument_suggestion ON cms_searchdocument USING gin (suggestion gin_trgm_ops)",
]
# The extension stays: something else may have come to use it.
POSTGRESQL_REVERSE = [
    "DROP INDEX cms_searchdocument_suggestion",
    "DROP INDEX cms_searchdocument_vector",
    "ALTER TABLE cms_searchdocument DROP COLUMN vector",
]

FTS = [
    """
    CREATE VIRTUAL TABLE cms_searchdocument_fts USING fts5 (
        title, excerpt, content,
        content='cms_searchdocument', content_rowid='id', tokenize='unicode61 remove_diacritics 2'
    )
    """,
]
FTS_REVERSE = ["DROP TABLE cms_searchdocument_fts"]
_ADD = """
    INSERT INTO cms_searchdocument_fts (rowid, title, excerpt, content)
    VALUES (new.id, new.title, new.excerpt, new.content);
"""
_REMOVE = """
    INSERT INTO cms_searchdocument_fts (cms_searchdocument_fts, rowid, title, excerpt, content)
    VALUES ('delete', old.id, old.title, old.excerpt, old.content);
"""
TRIGGERS = [
    f"CREATE TRIGGER cms_searchdocument_added AFTER INSERT ON cms_searchdocument BEGIN {_ADD} END",
    f"CREATE TRIGGER cms_searchdocument_removed AFTER DELETE ON cms_searchdocument BEGIN {_REMOVE} END",
    f"CREATE TRIGGER cms_searchdocument_changed AFTER UPDATE ON cms_searchdocument BEGIN {_REMOVE} {_ADD} END",
]
TRIGGERS_REVERSE = [f"DROP TRIGGER cms_searchdocument_{name}" for name in ("added", "removed", "changed")]


def index_existing_posts(apps, schema_editor):
    posts, documents = apps.get_model("cms", "Post").objects, apps.get_model("cms", "SearchDocument")
    fields = ("title", "excerpt", "content_html", "language")
    rows = (documents(post_id=p.pk, **document_of(p)) for p in posts.only(*fields).iterator(chunk_size=200))
    for batch in batched(rows, 200):
        documents.objects.bulk_create(batch)


class Migration(migrations.Migration):
    dependencies = [("cms", "0005_post_embedded_media")]

    operations = [
        migrations.CreateModel(
            name="SearchDocument",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("suggestion", models.TextField(blank=True)),
                ("title", models.TextField(blank=True)),
                ("excerpt", models.TextField(blank=True)),
                ("content", models.TextField(blank=True)),
                (
                    "post",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="search_document", to="cms.post"
                    ),
                ),
            ],
        ),
        OnEngine("postgresql", POSTGRESQL, POSTGRESQL_REVERSE),
        OnEngine("sqlite", FTS, FTS_REVERSE),
        OnEngine("sqlite", TRIGGERS, TRIGGERS_REVERSE),
        migrations.RunPython(index_existing_posts, migrations.RunPython.noop, elidable=True),
    ]
