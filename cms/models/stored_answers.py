"""Stored responses to requests with an Idempotency-Key, returned again when the request is repeated."""

import uuid
from typing import Final

from django.db import models

from cms.models.fields import Record

NOBODY: Final = uuid.UUID(int=0)


class StoredAnswer(Record):
    """Keyed digests stand for the request: neither its key, its sender nor its body can be read from the row."""

    request_digest = models.CharField(max_length=64, unique=True)
    body_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    person = models.UUIDField(null=True)
    """The user whose names the body holds, the comment whose guest's it holds, or NOBODY. Old rows don't know."""

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__gte=200, status__lt=500), name="cms_storedanswer_status_final"
            )
        ]
        indexes = [
            models.Index(fields=["created_at"], name="cms_storedanswer_created"),
            models.Index(fields=["person"], name="cms_storedanswer_person"),
        ]

    def __str__(self) -> str:
        return str(self.id)
