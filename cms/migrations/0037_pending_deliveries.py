"""Pending deliveries have indexes of their own: PostgreSQL knows how large they are, however old its statistics."""

from django.db import migrations, models

from cms.db.index_operations import AddIndex, RemoveIndex

PENDING = models.Q(status="pending")
ENDED = models.Q(status__in=["delivered", "dead"])
IN_HAND = models.Q(leased_until__isnull=False)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("cms", "0036_readable_instants")]

    operations = [
        AddIndex(
            "delivery",
            models.Index(
                fields=["webhook", "next_attempt_at", "created_at", "id"],
                name="cms_delivery_by_time",
                condition=PENDING,
            ),
        ),
        AddIndex(
            "delivery",
            models.Index(
                fields=["webhook", "object_id", "created_at", "id"], name="cms_delivery_by_object", condition=PENDING
            ),
        ),
        AddIndex("delivery", models.Index(fields=["webhook"], name="cms_delivery_in_hand", condition=IN_HAND)),
        AddIndex("delivery", models.Index(fields=["status", "updated_at"], name="cms_delivery_ended", condition=ENDED)),
        RemoveIndex("delivery", "cms_delivery_due"),
        RemoveIndex("delivery", "cms_delivery_first"),
    ]
