from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("canary", "0014_vouched_usage")]

    operations = [
        migrations.AddField(
            model_name="observation",
            name="is_chosen",
            field=models.BooleanField(default=False, db_default=False),
        ),
    ]
