from django.db import migrations, models


class Migration(migrations.Migration):
    """Usage from before counts as vouched for: a sunset must not forget those who called v1 and were never notified."""

    dependencies = [("canary", "0013_crossovers")]

    operations = [
        migrations.AddField(
            model_name="consumerusage",
            name="is_vouched",
            field=models.BooleanField(default=True, db_default=True),
        ),
        migrations.AlterField(
            model_name="consumerusage",
            name="is_vouched",
            field=models.BooleanField(default=False, db_default=False),
        ),
    ]
