from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Now


def plan_settling(apps, schema_editor):
    """Posts that time has yet to publish or to expire, and those that it has published or expired uncounted."""
    posts = apps.get_model("cms", "Post").objects.filter(status="published")
    posts.filter(expires_at__isnull=False).filter(Q(expires_at__gt=Now()) | Q(is_counted=True)).update(
        settles_at=F("expires_at")
    )
    uncounted = Q(kind="post", visibility="public", is_counted=False) & (Q(expires_at=None) | Q(expires_at__gt=Now()))
    posts.filter(Q(published_at__gt=Now()) | uncounted).update(settles_at=F("published_at"))


class Migration(migrations.Migration):
    dependencies = [("cms", "0003_draft_revisions_and_session_epoch")]

    operations = [
        migrations.AddField("post", "settles_at", models.DateTimeField(blank=True, editable=False, null=True)),
        migrations.AddConstraint(
            "post",
            models.CheckConstraint(
                condition=Q(("settles_at", None), ("status", "published"), _connector="OR"),
                name="cms_post_settles_while_published",
            ),
        ),
        migrations.AddIndex(
            "post",
            models.Index(condition=Q(("settles_at__isnull", False)), fields=["settles_at"], name="cms_post_settles"),
        ),
        # Last of what touches the table: PostgreSQL alters none whose rows the same transaction has changed.
        migrations.RunPython(plan_settling, migrations.RunPython.noop, elidable=True),
        migrations.RemoveIndex("job", "cms_job_due"),
        migrations.AddIndex("job", models.Index(fields=["status", "-priority", "id"], name="cms_job_next")),
    ]
