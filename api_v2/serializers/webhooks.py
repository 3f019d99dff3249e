"""Webhooks, never with their secret, and their deliveries as JSON; the bodies that describe a webhook."""

from typing import Any, Final

from api_v2.serializers.bodies import Body
from api_v2.serializers.shapes import Field, Shape, column, instant
from cms.services.webhooks import WebhookFields

WEBHOOK: Final[Shape] = {
    "id": column("id"),
    "created_at": instant("created_at"),
    "updated_at": instant("updated_at"),
    "url": column("url"),
    "events": column("events"),
    "is_active": column("is_active"),
    "created_by": column("created_by_id"),
}
DELIVERY: Final[Shape] = {
    "id": column("id"),
    "created_at": instant("created_at"),
    "updated_at": instant("updated_at"),
    "webhook": column("webhook_id"),
    "event_id": column("event_id"),
    "event_type": column("event_type"),
    "object": Field(("object_type", "object_id"), lambda row, _: {"type": row["object_type"], "id": row["object_id"]}),
    "payload": column("payload"),
    "status": column("status"),
    "attempts": column("attempts"),
    "next_attempt_at": instant("next_attempt_at"),
    "last_status": column("last_status"),
    "last_error": column("last_error"),
    "delivered_at": instant("delivered_at"),
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
