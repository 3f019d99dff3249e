from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("canary", "0012_usage_by_consumer")]

    operations = [
        migrations.AddField(model_name="rollout", name="crossover", field=models.JSONField(null=True)),
        migrations.CreateModel(
            name="CrossoverCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("release", models.PositiveIntegerField()),
                ("place", models.PositiveSmallIntegerField()),
                ("period", models.PositiveSmallIntegerField()),
                ("api_version", models.PositiveSmallIntegerField()),
                ("requests", models.PositiveBigIntegerField()),
                ("failures", models.PositiveBigIntegerField()),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        "release", "place", "period", "api_version", name="canary_crossovercount_once"
                    )
                ],
            },
        ),
    ]
