from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("canary", "0008_failed_over")]

    operations = [
        migrations.AddField(model_name="rollout", name="request", field=models.JSONField(null=True)),
    ]
