from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cms", "0004_settling_and_next_job")]

    operations = [
        migrations.AlterModelOptions("apikey", {"verbose_name": "API key"}),
        migrations.AddField(
            "post",
            "embedded_media",
            models.ManyToManyField(blank=True, editable=False, related_name="embedded_in", to="cms.mediafile"),
        ),
    ]
