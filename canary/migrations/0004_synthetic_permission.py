"""A permission for synthetic requests."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("canary", "0003_breakers")]

    operations = [
        migrations.AlterModelOptions(
            name="rollout",
            options={
                "default_permissions": (),
                "permissions": (
                    ("view", "Can see the rollout"),
                    ("ramp", "Can change the weight and the lists"),
                    ("rollback", "Can roll back"),
                    ("lifecycle", "Can change the life of v1"),
                    ("synthetic", "Can send synthetic requests"),
                ),
            },
        ),
    ]
