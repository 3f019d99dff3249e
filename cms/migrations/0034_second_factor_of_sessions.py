"""API sessions know whether their login has proved a second factor; those of before have not."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cms", "0033_posts_in_order")]

    operations = [
        migrations.AddField("authsession", "second_factor_at", models.DateTimeField(blank=True, null=True)),
    ]
