"""The outbox: one delivery for each webhook that wants an event, written in the transaction of the change."""

import datetime
import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models.functions import Now

from cms.models import Delivery, Webhook
from cms.services.origin import current_origin

EVENT_TYPES: Final = (
    *("user.registered", "user.activated", "user.suspended", "user.deleted", "user.email_changed", "user.role_changed"),
    *("post.created", "post.updated", "post.scheduled", "post.published", "post.unpublished", "post.expired"),
    *("post.archived", "post.trashed", "post.restored"),
    *("comment.created", "comment.updated", "comment.published", "comment.rejected", "comment.spam", "comment.deleted"),
    *("tag.created", "tag.updated", "tag.deleted"),
    *("category.created", "category.updated", "category.deactivated", "category.deleted"),
    *("media.uploaded", "media.updated", "media.deleted"),
    *("rollout.step", "rollout.hold", "rollout.rollback", "rollout.lifecycle"),
    *("rollout.unguarded", "rollout.guarded", "rollout.approval"),
)
ALL_EVENTS: Final = "*"
ONCE_TOLD_AS: Final = {"comment.spam": "comment.rejected"}
"""Events that had another name before: webhooks that ask for this one alone are still told of both by it."""


@dataclass(frozen=True)
class Event:
    """An event as a receiver gets it: that something happened to an object, never the object's content."""

    id: uuid.UUID
    type: str
    object_id: uuid.UUID
    version: int | None
    """The object's version after the change; None for objects that count none."""
    occurred_at: datetime.datetime
    api_version: int | None
    """The API version that the change came through; None for the admin site, commands and jobs."""
    status: str | None = None
    """A post's status after the change, as v2 names it; None for other objects."""

    @property
    def object_type(self) -> str:
        return self.type.partition(".")[0]

    def payload(self) -> dict[str, Any]:
        status = {"status": self.status} if self.status else {}
        return {
            "id": str(self.id),
            "type": self.type,
            "object": {"type": self.object_type, "id": str(self.object_id), "version": self.version, **status},
            "occurred_at": self.occurred_at.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z"),
            "api_version": self.api_version,
        }


def queue_event(event: Event) -> None:
    """Write the event's deliveries. A type outside EVENT_TYPES is for the audit trail alone and is sent to nobody."""
    if event.type not in EVENT_TYPES:
        return
    told = {hook: name for hook in _active_webhooks() if (name := _name_for(hook, event.type))}
    if not told:
        return
    payload = event.payload()
    Delivery.objects.bulk_create(
        Delivery(
            webhook=webhook,
            event_id=event.id,
            event_type=name,
            object_type=event.object_type,
            object_id=event.object_id,
            payload={**payload, "type": name},
            traceparent=current_origin().traceparent,
            # Deliveries of one object go out in the order of this clock, which all servers share. It is read while the
            # object's row is locked: a change may have read its own before it waited for the row.
            created_at=Now(),
            updated_at=Now(),
            next_attempt_at=Now(),
        )
        for webhook, name in told.items()
    )


def _name_for(webhook: Webhook, event_type: str) -> str | None:
    """Return the name by which a webhook is told of this event; None if it does not want it."""
    if event_type in webhook.events or ALL_EVENTS in webhook.events:
        return event_type
    earlier = ONCE_TOLD_AS.get(event_type)
    return earlier if earlier in webhook.events else None


def _active_webhooks() -> list[Webhook]:
    # Deleting a webhook waits for the changes that have read it; otherwise their deliveries would refer to nothing, and
    # the changes fail. FOR KEY SHARE, which Django can't express, holds up nobody else.
    lock = " FOR KEY SHARE" if connection.features.has_select_for_update else ""
    active = f"SELECT * FROM cms_webhook WHERE is_active ORDER BY id{lock}"  # noqa: S608 - our own words
    return list(Webhook.objects.raw(active))
