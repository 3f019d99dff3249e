from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('canary', '0002_watch'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='observation',
            index=models.Index(condition=models.Q(('metric', 'pair_refusal')), fields=['at'], name='canary_observation_refusal'),
        ),
        migrations.CreateModel(
            name='RouteWindow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start_at', models.DateTimeField()),
                ('release', models.PositiveIntegerField()),
                ('stage', models.PositiveIntegerField()),
                ('api_version', models.PositiveSmallIntegerField()),
                ('route', models.CharField(max_length=120)),
                ('requests', models.PositiveIntegerField()),
                ('units', models.PositiveSmallIntegerField()),
                ('p95_ms', models.FloatField()),
                ('low_ms', models.FloatField()),
                ('high_ms', models.FloatField()),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(models.F('start_at'), models.F('release'), models.F('stage'), models.F('api_version'), models.F('route'), name='canary_routewindow_once')],
            },
        ),
        migrations.CreateModel(
            name='UnitMinute',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start_at', models.DateTimeField()),
                ('release', models.PositiveIntegerField()),
                ('stage', models.PositiveIntegerField()),
                ('api_version', models.PositiveSmallIntegerField()),
                ('unit', models.CharField(max_length=32)),
                ('answers', models.PositiveIntegerField()),
                ('failures', models.PositiveIntegerField()),
                ('reads', models.PositiveIntegerField()),
                ('refused_reads', models.PositiveIntegerField()),
                ('failed_over', models.PositiveIntegerField()),
                ('failed_twice', models.PositiveIntegerField()),
                ('halvings', models.PositiveSmallIntegerField()),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(models.F('start_at'), models.F('release'), models.F('stage'), models.F('api_version'), models.F('unit'), name='canary_unitminute_once')],
            },
        ),
    ]
