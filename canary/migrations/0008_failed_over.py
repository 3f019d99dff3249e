from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("canary", "0007_crash")]

    operations = [
        migrations.AddIndex(
            model_name="unitminute",
            index=models.Index(
                fields=["release"], name="canary_unitminute_again", condition=models.Q(("failed_over__gt", 0))
            ),
        ),
    ]
