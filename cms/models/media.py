"""Uploaded files and the renditions made of them."""

from django.conf import settings
from django.db import models

from cms import limits
from cms.models.fields import Entity, Record, length_at_most, length_between
from cms.querysets.media import MediaFileQuerySet


class MediaFile(Entity):
    """`mime_type` is what the bytes say, not what the uploader said; `sha256` in hex is of the stored bytes."""

    file = models.FileField(upload_to="media/%Y/%m", max_length=300)
    original_name = models.CharField(max_length=limits.FILE_NAME_MAX)
    mime_type = models.CharField(max_length=100)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    alt_text = models.CharField(max_length=limits.ALT_TEXT_MAX, blank=True, default="")
    caption = models.TextField(blank=True, default="")
    # The part that counts, in fractions from the left and from the top: cropping keeps it. Both, or none.
    focal_x = models.FloatField(null=True, blank=True)
    focal_y = models.FloatField(null=True, blank=True)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="media_files")

    objects = MediaFileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=length_between("original_name", 1, limits.FILE_NAME_MAX)
                & length_at_most("alt_text", limits.ALT_TEXT_MAX)
                & length_at_most("caption", limits.DESCRIPTION_MAX),
                name="cms_mediafile_texts_length",
            ),
            models.CheckConstraint(
                condition=models.Q(size_bytes__gte=1, size_bytes__lte=limits.DOCUMENT_BYTES_MAX),
                name="cms_mediafile_size_valid",
            ),
            models.CheckConstraint(
                condition=models.Q(width=None, height=None) | models.Q(width__gte=1, height__gte=1),
                name="cms_mediafile_dimensions_valid",
            ),
            models.CheckConstraint(
                condition=models.Q(focal_x=None, focal_y=None)
                | models.Q(focal_x__isnull=False, focal_x__gte=0, focal_x__lte=1)
                & models.Q(focal_y__isnull=False, focal_y__gte=0, focal_y__lte=1),
                name="cms_mediafile_focal_point_valid",
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="cms_mediafile_newest")]

    def __str__(self) -> str:
        return self.original_name

    @property
    def is_image(self) -> bool:
        return self.mime_type.startswith("image/")

    @property
    def focal_point(self) -> tuple[float, float] | None:
        return None if self.focal_x is None or self.focal_y is None else (self.focal_x, self.focal_y)


class Rendition(Record):
    """An image in one of the allowed sizes; `spec` is its name in `limits.RENDITIONS`."""

    media = models.ForeignKey(MediaFile, models.CASCADE, related_name="renditions")
    spec = models.CharField(max_length=30)
    file = models.FileField(upload_to="renditions/%Y/%m", max_length=300)
    mime_type = models.CharField(max_length=100)
    size_bytes = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["media", "spec"], name="cms_rendition_spec_unique")]

    def __str__(self) -> str:
        return f"{self.media_id} {self.spec}"
