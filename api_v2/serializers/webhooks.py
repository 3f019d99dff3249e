"""Webhooks, never with their secret, and their deliveries as JSON; the bodies that describe a webhook."""

from typing import Any, Final

from api_v2.json_schema import BOOLEAN, NUMBER, STAMP_OR_NULL, UUID, UUID_OR_NULL, array_of, or_null, ref, text_of
from api_v2.serializers.bodies import ITEMS_MAX, Body, Member, Members, read_body
from api_v2.serializers.shapes import ENTITY, OBJECT, Shape, column, instant
from cms import limits
from cms.services.webhooks import WebhookFields

WEBHOOK: Final[Shape] = {
    **ENTITY,
    "url": column("url"),
    "events": column("events", array_of(ref("WebhookEvent"))),
    "is_active": column("is_active", BOOLEAN),
    "created_by": column("created_by_id", UUID_OR_NULL),
}
DELIVERY: Final[Shape] = {
    **ENTITY,
    "webhook": column("webhook_id", UUID),
    "event_id": column("event_id", UUID),
    "event_type": column("event_type"),
    "object": OBJECT,
    "payload": column("payload", ref("WebhookPayload")),
    "status": column("status", ref("DeliveryStatus")),
    "attempts": column("attempts", NUMBER),
    "next_attempt_at": instant("next_attempt_at"),
    "last_status": column("last_status", or_null({"type": "integer"})),
    "last_error": column("last_error"),
    "delivered_at": instant("delivered_at", STAMP_OR_NULL),
}
MEMBERS: Final[Members] = {
    "url": Member(text_of(1, limits.URL_MAX, format="uri")),
    "events": Member(array_of(ref("WebhookEvent"), minItems=1, maxItems=ITEMS_MAX), Body.texts),
    "is_active": Member(BOOLEAN, Body.boolean),
}
REQUIRED: Final = ("url", "events")


def read_webhook(value: Any, *, is_new: bool) -> WebhookFields:
    return read_body(value, MEMBERS, REQUIRED if is_new else ())  # type: ignore[return-value]
