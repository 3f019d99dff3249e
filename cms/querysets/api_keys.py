"""Queries for API keys."""

from typing import TYPE_CHECKING, Self

from django.db import models

from cms import policy
from cms.policy import Actor

if TYPE_CHECKING:
    from cms.models.api_keys import ApiKey


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def visible_to(self, user: Actor) -> Self:
        """One's own keys, and all of them for an admin."""
        if policy.may_manage_all_keys(user):
            return self.all()
        return self.filter(owner_id=user.pk) if policy.may_manage_own_keys(user) else self.none()
