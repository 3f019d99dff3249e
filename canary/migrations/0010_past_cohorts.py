from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("canary", "0009_request")]

    operations = [
        migrations.CreateModel(
            name="PastCohort",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("cohort", models.CharField(max_length=8, unique=True)),
                ("salt", models.CharField(max_length=64)),
            ],
            options={"default_permissions": ()},
        ),
    ]
