"""Queries for the audit trail."""

from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db import models
from django.db.models import Q

from cms import policy
from cms.policy import Actor
from cms.querysets.erasures import named_persons, waiting_persons

if TYPE_CHECKING:
    from cms.models.audit import AuditEvent


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """The audit trail is for admins alone."""

    def visible_to(self, user: Actor) -> Self:
        """Leave out events that still hold what is being erased of a deleted user."""
        if not policy.may_see_audit(user):
            return self.none()
        named = named_persons()
        keys = apps.get_model("cms", "ApiKey").objects.filter(owner__in=named).values("pk")
        holds = Q(object_type="user", object_id__in=named) | Q(object_type="apikey", object_id__in=keys)
        return self.exclude(holds | Q(actor__in=waiting_persons(), ip__isnull=False))
