"""Writing the audit trail, and from there the outbox: called by the other services inside their transaction."""

import datetime
from typing import Any, Final

from django.db import connection, transaction
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_noop

from cms import limits
from cms.choices import Status
from cms.errors import InvalidToken, PermissionRefused
from cms.models import AuditEvent, Post, User
from cms.policy import Actor
from cms.services.events import Event, queue_event
from cms.services.origin import current_origin

TEXT_MAX: Final = limits.EMAIL_MAX  # mails about a changed address read both addresses from the event
GONE: Final = gettext_noop("The account of this request was suspended or deleted meanwhile.")
_BEGIN: Final = 100
CHANGED: Final = gettext_noop("Your role was changed meanwhile. Send the request again.")
_STANDING: Final = "SELECT id FROM cms_user WHERE id = %s AND role = %s AND is_active"


def record_event(
    actor: Actor, action: str, subject: Any, *, before: dict[str, Any], after: dict[str, Any]
) -> AuditEvent:
    """Record who did what to which object, from where, and what changed. Values must be JSON and never a secret.

    A text that is longer than TEXT_MAX is recorded by its begin and its length: rows stay for years. Webhooks that want
    the event get its deliveries in the same transaction.

    Raises InvalidToken for a user who was suspended or deleted since the request was let in, and PermissionRefused for
    one with another role by now, so that nothing of its change is stored. The statement that writes the event asks, and
    locks nobody: a lock on the actor would wait for a deletion, which waits for rows of this change. A deletion that
    commits between the two erases the event later.
    """
    with transaction.atomic(savepoint=False):
        return _record(actor, action, subject, before, after)


def _record(actor: Actor, action: str, subject: Any, before: dict[str, Any], after: dict[str, Any]) -> AuditEvent:
    origin = current_origin()
    row = AuditEvent(
        actor_id=_standing(actor) if isinstance(actor, User) else None,
        action=action,
        object_type=subject._meta.model_name,
        object_id=subject.pk,
        before=_shortened(before),
        after=_shortened(after),
        ip=origin.ip,
        request_id=origin.request_id,
        api_version=origin.api_version,
    )
    row.save(force_insert=True)
    if isinstance(actor, User) and row.actor_id is None:
        raise PermissionRefused(CHANGED) if User.objects.filter(pk=actor.pk, is_active=True) else InvalidToken(GONE)
    queue_event(
        Event(
            id=row.pk,
            type=action,
            object_id=row.object_id,
            version=getattr(subject, "version", None),
            occurred_at=row.created_at,
            api_version=row.api_version,
            status=_status_of(action, subject, row.created_at),
        )
    )
    return row


def _standing(actor: User) -> Any:
    """Return the actor's id as the database has it at that moment: NULL unless it is active, with this role."""
    key = User._meta.pk
    asked = key.get_db_prep_value(actor.pk, connection), actor.role
    return RawSQL(_STANDING, asked, key)  # noqa: S611 - our own words


def _status_of(action: str, subject: Any, at: datetime.datetime) -> str | None:
    if not isinstance(subject, Post):
        return None
    # The clock of this row may be a moment behind the one that has just published the post.
    return Status.PUBLISHED.value if action == "post.published" else subject.status_at(at)


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= TEXT_MAX else f"{value[:_BEGIN]}… ({len(value)} characters)"
    if isinstance(value, dict):
        return {name: _shortened(each) for name, each in value.items()}
    return [_shortened(each) for each in value] if isinstance(value, list | tuple) else value
