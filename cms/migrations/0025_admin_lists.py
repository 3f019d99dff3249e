"""Indexes for the admin site: what else a guest has written, and posts and pages in one list."""

from django.db import migrations, models

from cms.db.index_operations import AddIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("cms", "0024_transfers")]

    operations = [
        AddIndex(
            "comment",
            models.Index(fields=["author_email"], name="cms_comment_guest", condition=~models.Q(author_email="")),
        ),
        AddIndex("post", models.Index(fields=["-created_at", "-id"], name="cms_post_newest")),
    ]
