"""Identities at an OpenID Connect provider that users sign in with."""

from django.conf import settings
from django.db import models

from cms import limits
from cms.models.fields import Record, length_between


class LinkedIdentity(Record):
    """One of our users as a provider knows them: an `issuer` never gives a `subject` to somebody else."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="linked_identities")
    issuer = models.CharField(max_length=limits.ISSUER_MAX)
    subject = models.CharField(max_length=limits.SUBJECT_MAX)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="cms_linkedidentity_unique"),
            models.UniqueConstraint(fields=["user", "issuer"], name="cms_linkedidentity_of_user"),
            models.CheckConstraint(
                condition=length_between("issuer", 1, limits.ISSUER_MAX)
                & length_between("subject", 1, limits.SUBJECT_MAX),
                name="cms_linkedidentity_length",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
