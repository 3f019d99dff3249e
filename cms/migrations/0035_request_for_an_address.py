"""A request for a new address has a name of its own, so that no link outlives it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cms", "0034_second_factor_of_sessions")]

    operations = [
        migrations.AddField(
            "user", "pending_request", models.CharField(blank=True, db_default="", default="", max_length=32)
        ),
    ]
