from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("canary", "0006_pairs")]

    operations = [
        migrations.CreateModel(
            name="Crash",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("worker", models.CharField(max_length=120)),
                ("death", models.CharField(max_length=120)),
                ("release", models.PositiveIntegerField()),
                ("stage", models.PositiveIntegerField()),
                ("api_version", models.PositiveSmallIntegerField()),
                ("requests", models.PositiveIntegerField()),
                ("at", models.DateTimeField(db_index=True)),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        models.F("worker"),
                        models.F("release"),
                        models.F("stage"),
                        models.F("api_version"),
                        name="canary_crash_once",
                    )
                ],
            },
        ),
    ]
