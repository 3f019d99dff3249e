"""Drafts that wait are found without a look at the revisions beside them, and snapshots hold characters as they are.

Those that are stored stay as they were written, and are read alike.
"""

from django.db import migrations, models

import cms.models.fields
from cms.db.index_operations import AddIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("cms", "0026_linked_identities")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    "postrevision", "snapshot", models.JSONField(encoder=cms.models.fields.PlainEncoder)
                ),
            ]
        ),
        AddIndex(
            "postrevision",
            models.Index(
                fields=["post", "number", "reason"],
                name="cms_postrevision_waiting",
                condition=models.Q(is_draft=True),
            ),
        ),
    ]
