"""Queries for the audit trail."""

from typing import TYPE_CHECKING, Self

from django.db import models

from cms import policy
from cms.policy import Actor

if TYPE_CHECKING:
    from cms.models.audit import AuditEvent


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """The audit trail is for admins alone."""

    def visible_to(self, user: Actor) -> Self:
        return self.all() if policy.may_see_audit(user) else self.none()
