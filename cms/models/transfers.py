"""Imports and exports that were started in the admin site."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from cms import limits
from cms.choices import TransferKind, TransferState
from cms.models.fields import Entity, length_between


class Transfer(Entity):
    """`file` is what was uploaded, or what was exported. A file goes when nobody needs it any more."""

    queue_name: ClassVar = "transfers"
    """That of its jobs, which have its id."""
    kind = models.CharField(max_length=6, choices=TransferKind)
    state = models.CharField(max_length=9, choices=TransferState)
    original_name = models.CharField(max_length=limits.FILE_NAME_MAX)
    file = models.FileField(upload_to="transfers/%Y/%m", max_length=300, blank=True)
    report = models.FileField(upload_to="transfers/%Y/%m", max_length=300, blank=True)
    percent = models.PositiveSmallIntegerField(default=0)
    counts = models.JSONField(default=dict)
    remarks = models.JSONField(default=list)
    """The first of the report's items."""
    remark_count = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=1_000, blank=True, default="")
    finished_at = models.DateTimeField(null=True, blank=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "import or export"
        verbose_name_plural = "imports and exports"
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=TransferKind.values), name="cms_transfer_kind_valid"),
            models.CheckConstraint(condition=models.Q(state__in=TransferState.values), name="cms_transfer_state_valid"),
            models.CheckConstraint(
                condition=length_between("original_name", 1, limits.FILE_NAME_MAX), name="cms_transfer_name_length"
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="cms_transfer_newest")]

    def __str__(self) -> str:
        return self.original_name
