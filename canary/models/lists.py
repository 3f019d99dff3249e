"""Identities that the lists send to one version, regardless of their bucket."""

from django.db import models


class ListEntry(models.Model):
    class List(models.TextChoices):
        ALLOW = "allow"
        EXCLUDE = "exclude"

    list = models.CharField(max_length=7, choices=List)
    kind = models.CharField(max_length=6)
    identifier = models.CharField(max_length=400)
    reason = models.CharField(max_length=1_000)
    actor = models.CharField(max_length=160)
    added_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint("kind", "identifier", name="canary_listentry_once"),)

    def __str__(self) -> str:
        return f"{self.list} {self.kind}:{self.identifier}"
