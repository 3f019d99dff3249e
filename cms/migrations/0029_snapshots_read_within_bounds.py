"""Texts of a snapshot are read within the bounds of today. No row changes."""

from django.db import migrations, models

import cms.models.fields


class Migration(migrations.Migration):
    dependencies = [("cms", "0028_media_focal_point")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    "postrevision",
                    "snapshot",
                    models.JSONField(
                        encoder=cms.models.fields.PlainEncoder, decoder=cms.models.fields.SnapshotDecoder
                    ),
                ),
            ]
        ),
    ]
