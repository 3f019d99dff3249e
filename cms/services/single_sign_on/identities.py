"""Which identity at the provider belongs to which user: linked at the first sign-in, unlinked by an admin."""

import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q

from cms import limits, policy
from cms.errors import Duplicate, FieldError, InvalidInput, NotFound, PermissionRefused
from cms.models import LinkedIdentity, User
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.checks import check_email, check_text
from cms.services.ending import end_logins
from cms.services.locks import lock_row
from cms.tokens.id_tokens import Identity

LINKED: Final = "auth.identity_linked"


def is_linked(user: User) -> bool:
    return LinkedIdentity.objects.filter(user=user).exists()


def linked_user(identity: Identity) -> User | None:
    known = LinkedIdentity.objects.filter(issuer=identity.issuer, subject=identity.subject)
    return User.objects.filter(linked_identities__in=known).first()


def user_with_address_of(identity: Identity) -> User | None:
    """Return the user whose e-mail address the provider has verified for this identity, linked or not."""
    email = identity.verified_email
    return User.objects.with_email(email).first() if email and not check_email("email", email) else None


def link_identity(user: User, identity: Identity) -> bool:
    """Link the identity for good; whether the user may have it.

    Not before both sides have verified the address, and never a second one of the same issuer: it would be that of
    somebody who was given the address later.
    """
    with transaction.atomic():
        user = lock_row(user)
        if not (user.is_staff and user.email_verified) or user_with_address_of(identity) != user:
            return False
        # By both: the locked row keeps two sign-ins at once from linking two identities.
        row, is_new = LinkedIdentity.objects.get_or_create(
            user=user, issuer=identity.issuer, defaults={"subject": identity.subject}
        )
        if is_new:
            record_event(user, LINKED, user, before={}, after={"issuer": identity.issuer})
    return row.subject == identity.subject


def link_subject(*, actor: Actor, user: User, issuer: str, subject: str) -> None:
    """Link a user to an identity that somebody has looked up: for a provider that verifies no addresses.

    Raises InvalidInput, or Duplicate where either has another link already.
    """
    if not policy.may_manage_users(actor):
        raise PermissionRefused("Only admins link users to a provider.")
    errors = check_text("subject", subject, 1, limits.SUBJECT_MAX)
    if errors or not subject.isascii():
        raise InvalidInput(errors or [FieldError("subject", "invalid", "A subject is made of ASCII characters.")])
    with transaction.atomic():
        user = lock_row(user)
        known = Q(issuer=issuer) & (Q(user=user) | Q(subject=subject))
        if user.deleted_at is not None or LinkedIdentity.objects.filter(known).exists():
            raise Duplicate("subject", "This user or this subject is linked already: unlink it first.")
        LinkedIdentity.objects.create(user=user, issuer=issuer, subject=subject)
        record_event(actor, LINKED, user, before={}, after={"issuer": issuer})


def unlink_identities(*, actor: Actor, user: User, now: datetime.datetime) -> None:
    """Forget which identities are the user's, and end the user's sessions. Raises NotFound for a user without any.

    The next sign-in links again, by the e-mail address: suspend a user who is to stay outside.
    """
    if not policy.may_manage_users(actor):
        raise PermissionRefused("Only admins unlink the single sign-on of users.")
    with transaction.atomic():
        user = lock_row(user)
        if not forget_identities(user):
            raise NotFound("This user has not signed in by single sign-on.")
        end_logins(user, now)
        record_event(actor, "auth.identity_unlinked", user, before={}, after={})


def forget_identities(user: User) -> int:
    """Delete all of them; how many there were."""
    return LinkedIdentity.objects.filter(user=user).delete()[0]
