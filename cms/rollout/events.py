"""Reporting changes of the rollout: `CANARY["NOTIFY"]`, from the rollout's event log to webhooks and mails."""

import datetime
import uuid
from typing import Any, Final, Protocol

from uuid_utils.compat import uuid7

from cms.services.events import Event, queue_event
from cms.services.rollout_mails import announce_rollout

ROLLOUT_ID: Final = uuid.UUID(int=1)
"""There is one rollout, and events name their object by a UUID."""
STEP: Final = "rollout.step"


class RolloutChange(Protocol):
    """The needed part of an entry of the rollout's event log."""

    version: int
    at: datetime.datetime
    actor: str
    verb: str
    reason: str
    before: Any
    after: Any


def tell_of_rollout(change: RolloutChange) -> None:
    """Queue deliveries and the job that mails, in the transaction of the change."""
    event_type = event_type_of(change)
    if event_type is None:
        return
    queue_event(
        Event(
            id=uuid7(),
            type=event_type,
            object_id=ROLLOUT_ID,
            version=change.version,
            occurred_at=change.at,
            api_version=None,
        )
    )
    announce_rollout.enqueue(event_type, _facts_of(change))


def event_type_of(change: RolloutChange) -> str | None:
    """Return the event's type; None for lists, pauses and acknowledgements: they change no weight and not v1's life."""
    word = change.verb.partition(" ")[0]
    if word == "request":
        return "rollout.approval"
    if word in ("hold", "rollback", "lifecycle", "unguarded", "guarded"):
        return f"rollout.{word}"
    return STEP if change.before["weight_bp"] != change.after["weight_bp"] else None


def _facts_of(change: RolloutChange) -> dict[str, str]:
    """Return the values of the mail's sentence, which is written in the language of each recipient."""
    was, now = (f"{row['weight_bp'] / 100:g} %" for row in (change.before, change.after))
    at = f"{change.at:%Y-%m-%d %H:%M:%S}"
    return {"at": at, "verb": change.verb, "actor": change.actor, "was": was, "now": now, "reason": change.reason}
