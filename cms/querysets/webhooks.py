"""Queries for webhooks and their deliveries."""

from typing import TYPE_CHECKING, Self

from django.db import models

from cms import policy
from cms.policy import Actor

if TYPE_CHECKING:
    from cms.models.webhooks import Delivery, Webhook


class WebhookQuerySet(models.QuerySet["Webhook"]):
    """Webhooks are for admins alone."""

    def visible_to(self, user: Actor) -> Self:
        return self.all() if policy.may_manage_webhooks(user) else self.none()

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Deliveries are for admins alone."""

    def visible_to(self, user: Actor) -> Self:
        return self.all() if policy.may_manage_webhooks(user) else self.none()
