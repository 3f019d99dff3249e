from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("canary", "0010_past_cohorts")]

    operations = [
        # Processes of the release before insert rows without these columns, and theirs are the versions 1 and 2.
        migrations.AddField(
            model_name="rollout", name="stable", field=models.CharField(max_length=16, default="1", db_default="1")
        ),
        migrations.AddField(
            model_name="rollout", name="candidate", field=models.CharField(max_length=16, default="2", db_default="2")
        ),
        migrations.AddField(model_name="rollout", name="journey_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="rollout", name="journey_release", field=models.PositiveIntegerField(default=1, db_default=1)
        ),
        migrations.AddField(
            model_name="worker", name="names", field=models.CharField(max_length=40, default="", db_default="")
        ),
    ]
