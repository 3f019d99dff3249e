"""Queries for the audit trail."""

from typing import Any, Self

from django.db import models

from cms import policy
from cms.policy import Actor


class AuditEventQuerySet(models.QuerySet[Any]):
    """The audit trail is for admins alone."""

    def visible_to(self, user: Actor) -> Self:
        return self.all() if policy.may_see_audit(user) else self.none()
