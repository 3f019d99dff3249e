"""The first delivery of an object, and the answers below a comment, are ranges of an index."""

from django.db import migrations, models

from cms.db.index_operations import AddIndex, RemoveIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("cms", "0029_snapshots_read_within_bounds")]

    operations = [
        AddIndex(
            "comment",
            models.Index(
                fields=["post", "thread_path"],
                name="cms_comment_answers",
                opclasses=["uuid_ops", "varchar_pattern_ops"],
            ),
        ),
        AddIndex(
            "delivery",
            models.Index(
                fields=["webhook", "object_id", "status", "created_at", "id"],
                name="cms_delivery_first",
            ),
        ),
        RemoveIndex("delivery", "cms_delivery_order"),
    ]
