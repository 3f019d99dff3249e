"""An index for each order of a list and for languages, whoever reads: without one a page's rows were looked for among all.

On PostgreSQL they are made without a lock against writes, and so outside a transaction: a run that was cut off can be repeated.
"""

from django.db import migrations, models
from django.db.models.functions import Lower

from cms.db.index_operations import AddIndex, analyse


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("cms", "0012_known_words")]

    operations = [
        AddIndex("post", models.Index(fields=["kind", "status", "-published_at", "-id"], name="cms_post_published")),
        AddIndex("post", models.Index(fields=["kind", "-updated_at", "-id", "status"], name="cms_post_updated")),
        AddIndex("post", models.Index(fields=["kind", "status", "title", "id"], name="cms_post_title")),
        AddIndex(
            "post",
            models.Index(
                Lower("language"),
                "kind",
                "status",
                models.F("published_at").desc(),
                models.F("id").desc(),
                name="cms_post_language",
            ),
        ),
        AddIndex("comment", models.Index(fields=["-created_at", "-id"], name="cms_comment_newest")),
        analyse("cms_post"),
    ]
