"""The ends of sessions, API keys and invitations, for users who lose their rights and others."""

import datetime

from cms.models import ApiKey, AuthSession, Invitation, User
from cms.policy import Actor
from cms.services.audit import record_event


def end_sessions(user: User, now: datetime.datetime) -> None:
    """End API sessions, browser sessions and API keys for good: activating the user again brings none of them back."""
    end_logins(user, now)
    end_keys(user, now)


def end_keys(user: User, now: datetime.datetime) -> dict[str, int]:
    """End the API keys; how many, in the words of the audit trail, if there were any."""
    count = ApiKey.objects.filter(owner=user, is_active=True).update(is_active=False, updated_at=now)
    return {"api_keys_revoked": count} if count else {}


def end_logins(user: User, now: datetime.datetime) -> None:
    """End API sessions and browser sessions, and leave API keys. `user` is locked by the caller."""
    AuthSession.objects.filter(user=user, revoked_at=None).update(revoked_at=now)
    user.session_epoch += 1
    user.save(update_fields=["session_epoch"])


def end_invitations(actor: Actor, inviter: User, now: datetime.datetime) -> None:
    """Revoke the open invitations of a user whose role or activity changes: no later change opens them again.

    Call it with the inviter's row locked, while `actor` still stands.
    """
    for invitation in Invitation.objects.open(now).filter(invited_by=inviter):
        revoke(actor, invitation, now)


def revoke(actor: Actor, invitation: Invitation, now: datetime.datetime) -> None:
    """Revoke an invitation and record it, unless somebody has ended it meanwhile. Whether `actor` may was asked."""
    # Compare and swap: it may be accepted, replaced or revoked at the same time.
    if Invitation.objects.open(now).filter(pk=invitation.pk).update(revoked_at=now, updated_at=now):
        invitation.revoked_at = invitation.updated_at = now
        record_event(actor, "invitation.revoked", invitation, before={}, after={})
