"""Erasing a deleted person goes on in a job, and stored answers know whom they name."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cms", "0030_first_and_below")]

    operations = [
        migrations.CreateModel(
            name="Erasure",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("step", models.CharField(max_length=10)),
                ("subject", models.UUIDField(null=True)),
                ("after", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddField("storedanswer", "person", models.UUIDField(null=True)),
    ]
