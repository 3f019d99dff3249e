"""Deliveries remember what their receiver answered to each of the last attempts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cms", "0022_user_preferences")]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="answers",
            field=models.JSONField(blank=True, null=True),
        ),
    ]
