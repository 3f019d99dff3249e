"""Observations name the identity beside the person it belongs to."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("canary", "0004_synthetic_permission")]

    operations = [
        migrations.AddField(
            model_name="observation",
            name="identity",
            field=models.CharField(db_default="", default="", max_length=32),
        ),
    ]
