"""Imports and exports that were started in the admin site."""

import datetime
from pathlib import PurePosixPath
from typing import ClassVar, Final

from django.conf import settings
from django.db import models

from cms import limits
from cms.choices import TransferKind, TransferState
from cms.models.fields import Entity, length_between

UNDER_WAY: Final = (TransferState.CHECKING, TransferState.RUNNING)
"""A worker has these in hand, or will have them, or their job was given up."""


class Transfer(Entity):
    """`file` is what was uploaded, or what was exported. A file goes when nobody needs it any more.

    Each file has one place in the storage. A worker that is killed may have stored a file there that no row records.
    """

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

    @property
    def file_place(self) -> str:
        return f"{self._place}{PurePosixPath(self.original_name).suffix.lower()}"

    @property
    def report_place(self) -> str:
        return f"{self._place}-report.json"

    @property
    def _place(self) -> str:
        return f"transfers/{self.created_at.astimezone(datetime.UTC):%Y/%m}/{self.pk.hex}"

    def report_names(self) -> set[str]:
        """Return all names under which the storage may have its report: that recorded, and that of its place."""
        return {self.report_place, str(self.report or self.report_place)}

    def file_names(self) -> set[str]:
        """Return all names under which the storage may have its file."""
        return {self.file_place, str(self.file or self.file_place)}
