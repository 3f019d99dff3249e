"""Invitations: an admin names an address and a role, and the reader of the mail makes the account."""

import datetime

from django.conf import settings
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from cms import policy
from cms.choices import Role
from cms.errors import Duplicate, InvalidInput, InvalidTransition, PermissionRefused
from cms.ids import with_id
from cms.models import Invitation, User
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.checks import check_choice, check_email, check_username
from cms.services.ending import revoke
from cms.services.locks import lock_row, lock_the_invitations
from cms.services.mails import send_invitation
from cms.services.passwords import BAD_TOKEN
from cms.services.users import TAKEN_EMAIL, hash_password, insert_user
from cms.tokens.invitations import invitation_id_in


def invite_user(*, actor: Actor, email: str, role: str, admin_url: str, now: datetime.datetime) -> Invitation:
    """Send an invitation, which takes the place of an open one to the same address.

    The mail's link leads to the admin site at `admin_url`. Raises InvalidInput, or Duplicate for the address of a user.
    """
    _refuse_unless_admin(actor)
    if errors := check_email("email", email) + check_choice("role", role, Role.values):
        raise InvalidInput(errors)
    expires_at = now + datetime.timedelta(days=settings.INVITATION_LIFETIME_DAYS)
    with transaction.atomic():
        lock_the_invitations()
        invited_by = lock_row(actor) if isinstance(actor, User) else None
        _refuse_unless_admin(invited_by or actor)  # again: a change of the role or activity has revoked what was open
        if User.objects.with_email(email).exists():
            raise Duplicate("email", TAKEN_EMAIL)
        Invitation.objects.open(now).to(email).update(revoked_at=now, updated_at=now)
        values = {"created_at": now, "updated_at": now, "expires_at": expires_at}
        invitation = Invitation.objects.create(email=email, role=role, invited_by=invited_by, **values)
        # Without the address: the trail stays when the person goes.
        record_event(actor, "invitation.created", invitation, before={}, after={"role": role})
        send_invitation.enqueue(str(invitation.pk), admin_url)
    return invitation


def revoke_invitation(*, actor: Actor, invitation: Invitation, now: datetime.datetime) -> Invitation:
    """Revoke an invitation: its link opens nothing any more. Raises InvalidTransition for one that is not open."""
    _refuse_unless_admin(actor)
    with transaction.atomic():
        lock_the_invitations()
        invitation = lock_row(invitation)
        if (state := state_of(invitation, now)) != "open":
            raise InvalidTransition("invitation", state, "revoked", ())
        revoke(actor, invitation, now)
    return invitation


def find_invitation(*, token: str, now: datetime.datetime) -> Invitation:
    """Return the open invitation of this token. Raises InvalidInput, also when the inviter may invite nobody now."""
    open_ones = Invitation.objects.open(now).select_related("invited_by")
    invitation = with_id(open_ones, invitation_id_in(token)).first()
    if invitation is None:
        raise InvalidInput([BAD_TOKEN])
    _refuse_unless_standing(invitation.invited_by)
    return invitation


@sensitive_variables()
def accept_invitation(*, token: str, username: str, password: str, now: datetime.datetime) -> User:
    """Make the account, with the verified address. Raises InvalidInput, or Duplicate for a taken name or address.

    The inviter is asked for twice: hashing takes a moment, and may have to wait for its turn.
    """
    invitation = find_invitation(token=token, now=now)
    known = {"email": invitation.email, "role": invitation.role, "email_verified": True, "is_vouched_for": True}
    user = User(username=username, created_at=now, updated_at=now, **known)
    if errors := check_username("username", username, is_reserved_allowed=False):
        raise InvalidInput(errors)
    user.password = hash_password(password, user)  # outside the transaction: it takes longer than all of it
    with transaction.atomic():
        lock_the_invitations()
        # Before the invitation's row, as a deletion of the inviter does. A demotion or suspension that runs at the same
        # time then comes before, and is seen here, or waits for the account.
        if invitation.invited_by:
            _refuse_unless_standing(lock_row(invitation.invited_by))
        # Compare and swap: of two readers of one mail, one gets the account.
        if not Invitation.objects.open(now).filter(pk=invitation.pk).update(accepted_at=now, updated_at=now):
            raise InvalidInput([BAD_TOKEN])
        insert_user(user, actor=user)
        # With those that this one has replaced: they hold the address too, and go with the account.
        Invitation.objects.to(user.email).filter(accepted_by=None).update(accepted_by=user)
        record_event(user, "invitation.accepted", invitation, before={}, after={"user": str(user.pk)})
    return user


def state_of(invitation: Invitation, now: datetime.datetime) -> str:
    """Return open, accepted, revoked or expired."""
    if invitation.accepted_at:
        return "accepted"
    if invitation.revoked_at:
        return "revoked"
    return "open" if invitation.expires_at > now else "expired"


def _refuse_unless_standing(inviter: User | None) -> None:
    """Raise InvalidInput for an inviter who may invite nobody now. Somebody with a shell always may."""
    if inviter and not policy.may_manage_users(inviter):
        raise InvalidInput([BAD_TOKEN])


def _refuse_unless_admin(actor: Actor) -> None:
    if not policy.may_manage_users(actor):
        raise PermissionRefused("Only admins invite users.")
