"""Deleting a user: everything personal goes, what the user has written stays, under "deleted user"."""

import datetime
import secrets
from collections.abc import Iterator
from typing import Final

from django.contrib.auth.hashers import make_password
from django.db import transaction

from cms import policy
from cms.choices import Role
from cms.errors import InvalidTransition, PermissionRefused
from cms.models import User
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.ending import end_invitations, end_sessions
from cms.services.erasing import begin_erasure
from cms.services.locks import lock_the_invitations
from cms.services.personal_traces import DISPLAY_NAME, erase_addresses, erase_traces
from cms.services.profile_pictures import erase_profile_picture
from cms.services.proofs import Proof, require_password
from cms.services.second_factors.factors import forget_second_factors
from cms.services.single_sign_on.identities import forget_identities
from cms.services.users import lock_user

EMAIL_DOMAIN: Final = "deleted.invalid"  # RFC 2606: no mail ever goes there


def delete_user(*, actor: Actor, user: User, now: datetime.datetime, proof: Proof | None = None) -> User:
    """Delete a user, by an admin or by oneself with a `proof` of the password. It can't be undone.

    Raises InvalidInput without that proof, LastAdmin, or InvalidTransition when it is done already.

    Frees the username and the e-mail address, ends sessions and keys, and erases the person from the records around
    (GDPR, article 17), where they are many in a job. Posts, comments and files stay.
    """
    is_own = policy.is_oneself(actor, user)
    if is_own:
        require_password(proof, user, now)
    elif not policy.may_manage_users(actor):
        raise PermissionRefused("Only admins delete other users.")
    with transaction.atomic():
        lock_the_invitations()
        user = lock_user(user, is_losing_admin=True)
        if is_own:
            require_password(proof, user, now)  # again: the password may be new by now
        if user.deleted_at is not None:
            raise InvalidTransition("user", "deleted", "deleted", ())
        before = {"role": user.role, "is_active": user.is_active}
        # Somebody else's, if he has never shown that he reads it: an admin knows whose it is.
        address = user.email if user.email_verified or not is_own else None
        record_event(actor, "user.deleted", user, before=before, after={})  # first: its actor may be this very user
        end_invitations(actor, user, now)
        _anonymise(user, now)
        user.save()
        user.groups.clear()
        user.user_permissions.clear()
        end_sessions(user, now)
        forget_second_factors(user)
        forget_identities(user)
        erase_traces(user.pk)
        if address:
            erase_addresses({address})
        begin_erasure(user, now)
    return user


def _anonymise(user: User, now: datetime.datetime) -> None:
    erase_profile_picture(user, now)
    user.username = next(name for name in _free_names(user) if not _is_taken(name))
    user.email = f"{user.username}@{EMAIL_DOMAIN}"
    user.first_name = user.last_name = user.bio = ""
    user.withdraw_pending_address()
    user.time_zone = user.language = ""
    user.display_name = DISPLAY_NAME
    user.password = make_password(None)
    user.role, user.is_active, user.email_verified, user.last_login = Role.SUBSCRIBER, False, False, None
    user.deleted_at = user.updated_at = now


def _free_names(user: User) -> Iterator[str]:
    """Yield the user's own name first, then random ones: ids of authors are public, so somebody may have taken it."""
    yield f"deleted_{user.pk.hex[-12:]}"
    while True:
        yield f"deleted_{secrets.token_hex(11)}"


def _is_taken(name: str) -> bool:
    users = (User.objects.with_username(name), User.objects.with_email(f"{name}@{EMAIL_DOMAIN}"))
    return any(found.exists() for found in users)
