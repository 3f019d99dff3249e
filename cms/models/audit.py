"""The audit trail: one row a state change, written in its transaction; only deleting a user erases something."""

from django.conf import settings
from django.db import models

from cms.models.fields import Record
from cms.querysets.audit import AuditEventQuerySet


class AuditEvent(Record):
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    action = models.CharField(max_length=50)
    object_type = models.CharField(max_length=20)
    object_id = models.UUIDField()
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=128, blank=True, default="")
    api_version = models.PositiveSmallIntegerField(null=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["object_type", "object_id", "created_at"], name="cms_auditevent_object"),
            models.Index(fields=["created_at"], name="cms_auditevent_created"),
            models.Index(fields=["actor", "created_at"], name="cms_auditevent_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_id}"
