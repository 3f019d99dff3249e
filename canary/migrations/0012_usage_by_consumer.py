from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("canary", "0011_names")]

    operations = [
        migrations.AddIndex(
            model_name="consumerusage",
            index=models.Index("kind", "identifier", "last_seen_at", name="canary_consumerusage_last"),
        ),
    ]
