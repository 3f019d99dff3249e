"""Stored answers are found by the person they name, and events of the audit trail by their actor, in their order."""

from django.db import migrations, models

from cms.db.index_operations import AddIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("cms", "0031_erasures")]

    operations = [
        AddIndex("storedanswer", models.Index(fields=["person"], name="cms_storedanswer_person")),
        AddIndex("auditevent", models.Index(fields=["actor", "created_at"], name="cms_auditevent_actor")),
    ]
