"""Webhooks and the outbox of their deliveries, written in the transaction of the change that they report."""

from django.conf import settings
from django.db import models

from cms import limits
from cms.choices import DeliveryStatus
from cms.models.fields import Entity, length_between
from cms.querysets.webhooks import DeliveryQuerySet, WebhookQuerySet


class Webhook(Entity):
    """`events` holds event types such as `post.published`, or `*` for all."""

    url = models.CharField(max_length=limits.URL_MAX)
    events = models.JSONField(default=list)
    secret = models.CharField(max_length=100)
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    objects = WebhookQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=length_between("url", 1, limits.URL_MAX), name="cms_webhook_url_length")
        ]

    def __str__(self) -> str:
        return self.url


class Delivery(Entity):
    """One event for one webhook. `event_id` is what a receiver tells repeated deliveries by."""

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event_id = models.UUIDField()
    event_type = models.CharField(max_length=50)
    object_type = models.CharField(max_length=20)
    object_id = models.UUIDField()
    payload = models.JSONField()
    status = models.CharField(max_length=9, choices=DeliveryStatus, default=DeliveryStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True, default="")
    # The last attempts, the oldest first: `at`, `status`, `error`, `body`, `took_ms`. An older release leaves it out.
    answers = models.JSONField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    traceparent = models.CharField(max_length=55, blank=True, default="", db_default="")
    """That of the request behind it; empty without one. The database's default is for servers of an older release."""

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event_id"], name="cms_delivery_event_unique"),
            models.CheckConstraint(
                condition=models.Q(status__in=DeliveryStatus.values), name="cms_delivery_status_valid"
            ),
        ]
        indexes = [
            models.Index(
                fields=["webhook", "next_attempt_at", "created_at", "id"],
                name="cms_delivery_by_time",
                condition=models.Q(status=DeliveryStatus.PENDING),
            ),
            models.Index(
                fields=["webhook", "object_id", "created_at", "id"],
                name="cms_delivery_by_object",
                condition=models.Q(status=DeliveryStatus.PENDING),
            ),
            models.Index(
                fields=["webhook"], name="cms_delivery_in_hand", condition=models.Q(leased_until__isnull=False)
            ),
            models.Index(
                fields=["status", "updated_at"],
                name="cms_delivery_ended",
                condition=models.Q(status__in=[DeliveryStatus.DELIVERED, DeliveryStatus.DEAD]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id}"
