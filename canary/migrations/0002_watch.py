from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('canary', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='AcceptedDifference',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('route', models.CharField(max_length=120)),
                ('path', models.CharField(max_length=200)),
                ('kind', models.CharField(max_length=20)),
                ('reason', models.CharField(max_length=1000)),
                ('actor', models.CharField(max_length=160)),
                ('accepted_at', models.DateTimeField()),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(models.F('route'), models.F('path'), models.F('kind'), name='canary_accepteddifference_once')],
            },
        ),
        migrations.AddField(
            model_name='lease',
            name='done_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='observation',
            name='build',
            field=models.CharField(db_default='', default='', max_length=64),
        ),
        migrations.AddField(
            model_name='rollout',
            name='anonymous_key',
            field=models.CharField(db_default='', default='', max_length=64),
        ),
        migrations.AddField(
            model_name='rollout',
            name='build',
            field=models.CharField(db_default='', default='', max_length=64),
        ),
        migrations.AddField(
            model_name='rollout',
            name='cookie_key',
            field=models.CharField(db_default='', default='', max_length=64),
        ),
        migrations.AddField(
            model_name='rolloutevent',
            name='seal',
            field=models.CharField(db_default='', default='', max_length=64),
        ),
        migrations.AddField(
            model_name='worker',
            name='build',
            field=models.CharField(db_default='', default='', max_length=64),
        ),
    ]
