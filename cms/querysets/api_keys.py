"""Queries for API keys."""

import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from cms import policy
from cms.policy import Actor
from cms.querysets.erasures import named_persons

if TYPE_CHECKING:
    from cms.models.api_keys import ApiKey


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def visible_to(self, user: Actor) -> Self:
        """Return the user's own keys, and all keys for an admin."""
        if policy.may_manage_all_keys(user):
            return self.unless_erasing()
        return self.filter(owner_id=user.pk) if policy.may_manage_own_keys(user) else self.none()

    def unless_erasing(self) -> Self:
        """Leave out the keys of deleted users whose names are still being erased."""
        return self.exclude(owner__in=named_persons())

    def live(self, now: datetime.datetime) -> Self:
        """Return the keys that are neither revoked nor expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), is_active=True)
