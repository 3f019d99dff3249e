"""Deleting a user: everything personal goes, what the user has written stays, under "deleted user"."""

import datetime
import secrets
from collections.abc import Iterator
from typing import Any, Final

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q

from cms import policy
from cms.choices import Role
from cms.errors import InvalidInput, InvalidTransition, PermissionRefused
from cms.models import ApiKey, AuditEvent, ImportRecord, Invitation, User
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.confirming import REQUIRED
from cms.services.proofs import Proof
from cms.services.second_factors.factors import forget_second_factors
from cms.services.users import end_sessions, lock_user

DISPLAY_NAME: Final = "deleted user"
EMAIL_DOMAIN: Final = "deleted.invalid"  # RFC 2606: no mail ever goes there
ERASED: Final = "erased"
PERSONAL: Final = frozenset(
    {"username", "email", "first_name", "last_name", "display_name", "bio", "contact_email", "name", "pending_email"}
)
"""What the audit trail may hold of a person, by the names that services give it."""


def delete_user(*, actor: Actor, user: User, now: datetime.datetime, proof: Proof | None = None) -> User:
    """By an admin, or by oneself with a `proof` of the password; there is no way back.

    Raises InvalidInput without that proof, LastAdmin, or InvalidTransition when it is done already.

    Frees the username and the e-mail address, ends sessions and keys, and erases what the audit trail and importers have
    kept of the person (GDPR, article 17). Posts, comments and files stay.
    """
    is_own = policy.is_oneself(actor, user)
    if is_own and not (proof and proof.holds(user, now)):
        raise InvalidInput([REQUIRED])
    if not is_own and not policy.may_manage_users(actor):
        raise PermissionRefused("Only admins delete other users.")
    with transaction.atomic():
        user = lock_user(user, is_losing_admin=True)
        if user.deleted_at is not None:
            raise InvalidTransition("user", "deleted", "deleted", ())
        before = {"role": user.role, "is_active": user.is_active}
        _anonymise(user, now)
        user.save()
        user.groups.clear()
        user.user_permissions.clear()
        end_sessions(user, now)
        forget_second_factors(user)
        _erase_traces(user)
        record_event(actor, "user.deleted", user, before=before, after={})
    return user


def _anonymise(user: User, now: datetime.datetime) -> None:
    user.username = next(name for name in _free_names(user) if not _is_taken(name))
    user.email = f"{user.username}@{EMAIL_DOMAIN}"
    user.first_name = user.last_name = user.bio = user.pending_email = ""
    user.display_name = DISPLAY_NAME
    user.password = make_password(None)
    user.role, user.is_active, user.email_verified, user.last_login = Role.SUBSCRIBER, False, False, None
    user.deleted_at = user.updated_at = now


def _free_names(user: User) -> Iterator[str]:
    """The same name for the same user; others if somebody has taken it, for ids of authors are public."""
    yield f"deleted_{user.pk.hex[-12:]}"
    while True:
        yield f"deleted_{secrets.token_hex(11)}"


def _is_taken(name: str) -> bool:
    users = (User.objects.with_username(name), User.objects.with_email(f"{name}@{EMAIL_DOMAIN}"))
    return any(found.exists() for found in users)


def _erase_traces(user: User) -> None:
    """The one change that is ever made to the audit trail: what happened and when stays, who the person was goes."""
    keys = ApiKey.objects.filter(owner=user)
    about_the_person = Q(object_type="user", object_id=user.pk)
    about_keys = Q(object_type="apikey", object_id__in=keys.values("pk"))
    for event in AuditEvent.objects.filter(about_the_person | about_keys).iterator():
        erased = _without_person(event.before), _without_person(event.after)
        if erased != (event.before, event.after):  # most are logins, and name nobody
            event.before, event.after = erased
            event.save(update_fields=["before", "after"])
    keys.update(name=ERASED, contact_email="")
    Invitation.objects.filter(accepted_by=user).delete()
    ImportRecord.objects.filter(object_type="user", object_id=user.pk).update(original={})


def _without_person(values: dict[str, Any]) -> dict[str, Any]:
    return {name: ERASED if name in PERSONAL and value else value for name, value in values.items()}
