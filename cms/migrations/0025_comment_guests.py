"""An index of guests' addresses: moderators see what else a guest has written."""

from django.db import migrations, models

from cms.db.index_operations import AddIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("cms", "0024_transfers")]

    operations = [
        AddIndex(
            "comment",
            models.Index(fields=["author_email"], name="cms_comment_guest", condition=~models.Q(author_email="")),
        ),
    ]
