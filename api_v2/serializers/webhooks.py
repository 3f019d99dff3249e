"""Webhooks, never with their secret, and their deliveries as JSON; the bodies that describe a webhook."""

from typing import Any, Final

from api_v2.json_schema import BOOLEAN, NUMBER, STAMP_OR_NULL, UUID, UUID_OR_NULL, array_of, or_null, ref
from api_v2.serializers.bodies import Body
from api_v2.serializers.shapes import ENTITY, OBJECT, Shape, column, instant
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
MEMBERS: Final = ("url", "events", "is_active")


def read_webhook(value: Any, *, is_new: bool) -> WebhookFields:
    body = Body(value, MEMBERS)
    fields: dict[str, Any] = {}
    if is_new or "url" in body:
        fields["url"] = body.text("url", is_required=is_new)
    if is_new or "events" in body:
        fields["events"] = body.required_texts("events")
    if "is_active" in body:
        fields["is_active"] = body.boolean("is_active")
    body.finish()
    return fields  # type: ignore[return-value]
