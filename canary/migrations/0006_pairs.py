from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('canary', '0005_units_of_evidence'),
    ]

    operations = [
        migrations.AddField(
            model_name='shadowtotal',
            name='timed',
            field=models.PositiveBigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='shadowtotal',
            name='v1_seconds',
            field=models.FloatField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='shadowtotal',
            name='v1_sql',
            field=models.PositiveBigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='shadowtotal',
            name='v2_seconds',
            field=models.FloatField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='shadowtotal',
            name='v2_sql',
            field=models.PositiveBigIntegerField(db_default=0, default=0),
        ),
    ]
