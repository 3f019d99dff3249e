"""Taking a moderator's last decision back: for a moment after it, also from states that nothing else leads out of."""

import datetime
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from cms import policy
from cms.choices import CommentStatus
from cms.errors import NothingToUndo, PermissionRefused
from cms.models import AuditEvent, Comment
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.comments import ACTIONS
from cms.services.locks import lock_row

UNDO_WITHIN: Final = datetime.timedelta(seconds=30)
"""The admin site offers it for 10 s; the rest is for slow connections."""
DECISIONS: Final = tuple(ACTIONS[status] for status in CommentStatus if status != CommentStatus.DELETED)


def undo_moderation(*, actor: Actor, comment: Comment, now: datetime.datetime) -> Comment:
    """Give a comment the status back that it had before the actor's own decision of a moment ago.

    Raises NothingToUndo if that was too long ago, or if anything has happened to the comment since.
    """
    if not policy.may_moderate(actor):
        raise PermissionRefused("Only editors moderate comments.")
    with transaction.atomic():
        comment = lock_row(comment)
        last = AuditEvent.objects.filter(object_type="comment", object_id=comment.pk).order_by("-created_at", "-pk")
        decision = last.first()
        if decision is None or not _is_undoable(decision, actor, comment, now):
            raise NothingToUndo
        before = {"status": comment.status}
        comment.status, comment.updated_at = decision.before["status"], now
        comment.save(update_fields=["status", "updated_at"])
        action = ACTIONS[CommentStatus(comment.status)]
        after = {"status": comment.status, "undone": decision.action}
        record_event(actor, action, comment, before=before, after=after)
    return comment


def last_decisions(*, actor: Actor, since: datetime.datetime) -> list[AuditEvent]:
    """Return what the actor has decided last, if it was after `since`: the events of one request, which may be many."""
    mine: QuerySet[AuditEvent] = AuditEvent.objects.filter(
        created_at__gt=since, actor_id=actor.pk, object_type="comment", action__in=DECISIONS
    )
    newest = list(mine.order_by("-created_at", "-pk"))
    if not newest or "undone" in newest[0].after:
        return []
    return [event for event in newest if event.request_id == newest[0].request_id and _is_decision(event)]


def _is_undoable(event: AuditEvent, actor: Actor, comment: Comment, now: datetime.datetime) -> bool:
    is_own_and_fresh = event.actor_id == actor.pk and event.created_at > now - UNDO_WITHIN
    return is_own_and_fresh and _is_decision(event) and event.after["status"] == comment.status


def _is_decision(event: AuditEvent) -> bool:
    """Whether the event has changed a status, other than by undoing a change."""
    is_change = event.before.get("status") not in (None, event.after.get("status"))
    return event.action in DECISIONS and is_change and "undone" not in event.after
