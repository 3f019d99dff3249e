"""Images have a focal point, which cropping keeps."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cms", "0027_waiting_drafts")]

    operations = [
        migrations.AddField("mediafile", "focal_x", models.FloatField(blank=True, null=True)),
        migrations.AddField("mediafile", "focal_y", models.FloatField(blank=True, null=True)),
        migrations.AddConstraint(
            model_name="mediafile",
            constraint=models.CheckConstraint(
                condition=models.Q(focal_x=None, focal_y=None)
                | models.Q(focal_x__isnull=False, focal_x__gte=0, focal_x__lte=1)
                & models.Q(focal_y__isnull=False, focal_y__gte=0, focal_y__lte=1),
                name="cms_mediafile_focal_point_valid",
            ),
        ),
    ]
