"""Imports and exports that the admin site starts."""

import django.db.models.deletion
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Length, Now
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual

KINDS = [("import", "Import"), ("export", "Export")]
STATES = [
    ("checking", "Checking"),
    ("checked", "Checked"),
    ("running", "Running"),
    ("done", "Done"),
    ("failed", "Failed"),
]


class Migration(migrations.Migration):
    dependencies = [("cms", "0023_delivery_answers")]

    operations = [
        migrations.CreateModel(
            name="Transfer",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=Now())),
                ("updated_at", models.DateTimeField(db_default=Now())),
                ("kind", models.CharField(choices=KINDS, max_length=6)),
                ("state", models.CharField(choices=STATES, max_length=9)),
                ("original_name", models.CharField(max_length=255)),
                ("file", models.FileField(blank=True, max_length=300, upload_to="transfers/%Y/%m")),
                ("report", models.FileField(blank=True, max_length=300, upload_to="transfers/%Y/%m")),
                ("percent", models.PositiveSmallIntegerField(default=0)),
                ("counts", models.JSONField(default=dict)),
                ("remarks", models.JSONField(default=list)),
                ("remark_count", models.PositiveIntegerField(default=0)),
                ("message", models.CharField(blank=True, default="", max_length=1_000)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "started_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "import or export",
                "verbose_name_plural": "imports and exports",
                "indexes": [models.Index(fields=["-created_at", "-id"], name="cms_transfer_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(kind__in=[kind for kind, _ in KINDS]), name="cms_transfer_kind_valid"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(state__in=[state for state, _ in STATES]), name="cms_transfer_state_valid"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            GreaterThanOrEqual(Length("original_name"), 1),
                            LessThanOrEqual(Length("original_name"), 255),
                        ),
                        name="cms_transfer_name_length",
                    ),
                ],
            },
        ),
    ]
