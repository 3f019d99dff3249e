"""Queries for invitations."""

import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models.functions import Lower

if TYPE_CHECKING:
    from cms.models.invitations import Invitation


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self, now: datetime.datetime) -> Self:
        """Return those that are neither accepted nor revoked nor expired."""
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=now)

    def to(self, *emails: str) -> Self:
        """Return those sent to one of these addresses, in any case."""
        return self.alias(_email=Lower("email")).filter(_email__in=[email.lower() for email in emails])
