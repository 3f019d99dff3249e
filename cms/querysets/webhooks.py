"""Queries for webhooks and their deliveries."""

from typing import Any, Self

from django.db import models

from cms import policy
from cms.policy import Actor


class WebhookQuerySet(models.QuerySet[Any]):
    """Webhooks and their deliveries: both are for admins alone."""

    def visible_to(self, user: Actor) -> Self:
        return self.all() if policy.may_manage_webhooks(user) else self.none()

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")
