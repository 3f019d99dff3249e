"""Accounts remember that an admin or an import made them.

Those that exist already are vouched for by their age.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cms", "0014_known_titles")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="is_vouched_for",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
