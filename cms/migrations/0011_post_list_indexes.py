"""The indexes of public lists, with all that says whether a post is public: totals are counted from them alone.

On PostgreSQL they are made without a lock against writes, and so outside a transaction: a run that was cut off can be repeated.
"""

from django.db import migrations, models

from cms.db.index_operations import AddIndex, RemoveIndex

LISTED = models.Q(("status", "published"), ("visibility", "public"))


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
