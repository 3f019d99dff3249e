"""Accounts remember the e-mail address that their user asked for until it is verified."""

from django.db import migrations, models
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual


class Migration(migrations.Migration):
    dependencies = [("cms", "0020_chores")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="pending_email",
            field=models.CharField(blank=True, db_default="", default="", max_length=254),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(LessThanOrEqual(Length("pending_email"), 254)), name="cms_user_pending_email_length"
            ),
        ),
    ]
