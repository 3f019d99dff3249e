"""Users: registering, changing, suspending. `user_deletion.py` deletes them."""

import datetime
import secrets
import uuid
from contextlib import AbstractContextManager
from typing import Any, Final, TypedDict

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Value
from django.utils.translation import gettext_noop

from cms import limits, policy
from cms.choices import Role
from cms.costs.ahead import Ahead
from cms.costs.turns import Busy
from cms.errors import (
    Duplicate,
    FieldError,
    InvalidInput,
    InvalidTransition,
    LastAdmin,
    PermissionRefused,
    sentence,
)
from cms.models import AuditEvent, AuthSession, User
from cms.policy import Actor
from cms.rate_limits import REGISTER, address_quotas, give_back, take_or_refuse
from cms.services.address_mails import (
    send_address_changed,
    send_email_change,
    send_email_change_consent,
    send_email_change_notice,
)
from cms.services.audit import record_event
from cms.services.checks import check_choice, check_email, check_text, check_username
from cms.services.ending import end_invitations, end_keys, end_sessions
from cms.services.kept_bytes import take_own_change
from cms.services.locks import lock_row, lock_the_admins
from cms.services.mails import may_mail_newcomer, send_email_verification, take_change_quotas
from cms.services.origin import current_origin
from cms.services.preferences import preference_errors
from cms.services.proofs import Proof, require_password

FRESH_LOGIN_MINUTES: Final = 60
TAKEN_USERNAME = gettext_noop("This username is taken.")
TAKEN_EMAIL = gettext_noop("This e-mail address is taken.")

_HASHED: Final = Ahead[str]("password hash of a new user")
_REGISTERED: Final = Ahead[str]("password hash of a registration")


class UserFields(TypedDict, total=False):
    username: str
    email: str
    first_name: str
    last_name: str
    display_name: str
    bio: str
    time_zone: str
    """A name of the IANA database; empty for the site's."""
    language: str
    """A code of LANGUAGES, for the admin site; empty for the site's."""
    role: str
    is_active: bool
    email_verified: bool
    id: uuid.UUID
    """Only for importers."""
    pending_email: str
    """Only what `update_user` makes of an `email` of one's own."""


REQUIRED: UserFields = {"username": "", "email": ""}
_RIGHTS: Final = frozenset({"role", "is_active"})
NEWCOMER: UserFields = {"role": Role.SUBSCRIBER, "is_active": True, "email_verified": False}
TEXT_LIMITS = {
    "first_name": limits.PERSON_NAME_MAX,
    "last_name": limits.PERSON_NAME_MAX,
    "display_name": limits.DISPLAY_NAME_MAX,
    "bio": limits.BIO_MAX,
}


def register_user(*, fields: UserFields, password: str, now: datetime.datetime) -> User:
    """Register a subscriber from outside. Raises InvalidInput, Duplicate naming the taken field, or RateLimited.

    Limited is what has passed the checks, duplicates included: they tell whether somebody is here.
    """
    user = _newcomer(fields, now)
    # Outside the transaction: it takes longer than all of it.
    user.password = _REGISTERED.result_of((fields, password, now), lambda: _hash_registered(fields, password, now))
    with transaction.atomic():
        insert_user(user, actor=user)
        if may_mail_newcomer(user.email, now):  # else the person asks for one later
            send_email_verification.enqueue(str(user.pk))
    return user


def registering(*, fields: UserFields, password: str, now: datetime.datetime) -> AbstractContextManager[None]:
    """Check, count and hash: `register_user` with the same values does the rest, in a transaction if it has to."""
    return _REGISTERED.done((fields, password, now), lambda: _hash_registered(fields, password, now))


def _newcomer(fields: UserFields, now: datetime.datetime) -> User:
    return User(**{**fields, **NEWCOMER, "created_at": now, "updated_at": now})


def _hash_registered(fields: UserFields, password: str, now: datetime.datetime) -> str:
    errors = _field_errors({**REQUIRED, **fields}, is_reserved_allowed=False)
    if errors := errors + _password_errors(password, _newcomer(fields, now)):
        raise InvalidInput(errors)
    quotas = address_quotas(REGISTER, current_origin().ip)
    take_or_refuse(quotas, now, "registrations")
    try:
        return make_password(password)
    except Busy:
        give_back(quotas)
        raise


def create_user(*, actor: Actor, fields: UserFields, password: str | None, now: datetime.datetime) -> User:
    """Create a user with any role, by an admin or a command; without a password nobody can sign in as it."""
    if not policy.may_manage_users(actor):
        raise PermissionRefused("Only admins create users.")
    user = User(**{**fields, "is_vouched_for": True, "created_at": now, "updated_at": now})
    errors = _field_errors({**REQUIRED, **fields}, is_reserved_allowed=actor is policy.SYSTEM)
    if password is not None:
        errors += _password_errors(password, user)
    if errors:
        raise InvalidInput(errors)
    user.password = _HASHED.result_of(password, lambda: make_password(password))
    with transaction.atomic():
        insert_user(user, actor=actor)
    return user


def hashed_ahead(password: str | None) -> AbstractContextManager[None]:
    """Hash: `create_user` with the same password does the rest, in a transaction if it has to."""
    return _HASHED.done(password, lambda: make_password(password))


def update_user(
    *, actor: Actor, user: User, changes: UserFields, now: datetime.datetime, proof: Proof | None = None
) -> User:
    """Change a user, by oneself or an admin; role and is_active by an admin only.

    Another e-mail address of one's own waits until it is verified. Without a `proof` of the password the old address
    has to agree first. One that an admin gives to others is in force at once.
    """
    _refuse_unless_own_or_admin(actor, user, changes)
    if policy.is_oneself(actor, user) and _is_change(user, changes):
        take_own_change(actor, now)
    if "email" in changes and policy.is_oneself(actor, user):
        return _update_own_address(user, changes, now, proof if proof and proof.holds(user, now) else None)
    return _update(actor, user, changes, now)


def _is_change(user: User, changes: UserFields) -> bool:
    """Clients send back what they have read, which writes nothing."""
    return any(getattr(user, name) != value for name, value in changes.items())


def _update_own_address(user: User, changes: UserFields, now: datetime.datetime, proof: Proof | None) -> User:
    """Raises RateLimited as for other mails. With a proof nobody learns whether the address is taken."""
    if errors := _field_errors(changes, is_reserved_allowed=changes.get("username") == user.username):
        raise InvalidInput(errors)
    email = changes["email"]
    rest: UserFields = {name: value for name, value in changes.items() if name != "email"}  # type: ignore[assignment]
    # Clients of v1 send back all that they have read, or what they have sent before.
    if proof is None and email in (user.email, user.pending_email):
        return _update(user, user, rest, now)
    is_asked = email != user.email
    if is_asked:
        take_change_quotas(user, email, now, is_proved=proof is not None)
    with transaction.atomic():
        if proof is None and User.objects.exclude(pk=user.pk).with_email(email).exists():
            raise Duplicate("email", TAKEN_EMAIL)
        user = _update(user, user, {**rest, "pending_email": email if is_asked else ""}, now)
        if proof:
            require_password(proof, user, now)  # again: the row is locked by now
        user.pending_request = secrets.token_hex(16) if is_asked else ""
        user.save(update_fields=["pending_request"])
        mails = (send_email_change, send_email_change_notice) if proof else (send_email_change_consent,)
        for mail in mails if is_asked else ():
            mail.enqueue(str(user.pk), user.pending_request)
    return user


def deactivate_user(
    *, actor: Actor, user: User, now: datetime.datetime, signed_in_at: datetime.datetime | None = None
) -> User:
    """Suspend a user: by an admin, or by oneself, which only an admin can undo. Suspending twice is not an error.

    Users suspend themselves only after a fresh login: API keys and stolen sessions of old logins do not suffice.
    """
    _refuse_unless_own_or_admin(actor, user, {})
    if policy.is_oneself(actor, user) and not _is_fresh(signed_in_at, now):
        raise PermissionRefused(
            sentence("Sign in again: this takes a login of the last %(minutes)s minutes.", minutes=FRESH_LOGIN_MINUTES)
        )
    return _update(actor, user, {"is_active": False}, now)


def _is_fresh(signed_in_at: datetime.datetime | None, now: datetime.datetime) -> bool:
    return signed_in_at is not None and now - signed_in_at < datetime.timedelta(minutes=FRESH_LOGIN_MINUTES)


def _update(actor: Actor, user: User, changes: UserFields, now: datetime.datetime) -> User:
    # A user who has a reserved name already may send it again with other changes.
    is_reserved_allowed = actor is policy.SYSTEM or changes.get("username") == user.username
    if errors := _field_errors(changes, is_reserved_allowed=is_reserved_allowed):
        raise InvalidInput(errors)
    with transaction.atomic():
        user = lock_user(user, is_losing_admin=_is_losing_admin(changes))
        before = {
            name: getattr(user, name)
            for name in changes
            if getattr(user, name) != changes[name]  # type: ignore[literal-required]
        }
        if not before:
            return user
        for name in before:
            setattr(user, name, changes[name])  # type: ignore[literal-required]
        if user.deleted_at is not None:
            raise InvalidTransition("user", "deleted", "changed", ())
        if "email" in before and "email_verified" not in changes and user.email_verified:
            before["email_verified"], user.email_verified = True, False  # it was another address that was verified
        if {"email", "is_active"} & before.keys():
            user.withdraw_pending_address()
        user.updated_at = now
        events = _record_update(actor, user, before)  # first: users may suspend themselves
        if _RIGHTS & before.keys():
            _end_with_rights(actor, user, now)
        save_unique(user)
        if "email" in before:
            _tell_of_address(actor, user, events["user.email_changed"])
    return user


def _end_with_rights(actor: Actor, user: User, now: datetime.datetime) -> None:
    end_invitations(actor, user, now)
    if not user.is_active:
        end_sessions(user, now)


def _tell_of_address(actor: Actor, user: User, event: AuditEvent) -> None:
    """Mail the old address and the new one; after commands and imports only the new one."""
    if not user.email_verified:
        send_email_verification.enqueue(str(user.pk))
    if policy.is_known(actor):
        send_address_changed.enqueue(str(user.pk), str(event.pk))


def set_password(
    *, actor: Actor, user: User, password: str, now: datetime.datetime, proof: Proof | None = None
) -> None:
    """Set a password, by an admin, or by oneself with a `proof` of the old one; end every API session."""
    if policy.is_oneself(actor, user):
        require_password(proof, user, now)
    elif not policy.may_manage_users(actor):
        raise PermissionRefused("Only admins set the passwords of others.")
    hashed = hash_password(password, user)
    with transaction.atomic():
        if policy.is_oneself(actor, user):
            require_password(proof, lock_row(user), now)  # again: another request may have set a new one
        store_password(actor=actor, user=user, hashed=hashed, now=now)


def hash_password(password: str, user: User, *, field: str = "password") -> str:
    """Check and hash a password. It takes longer than a transaction, so do it before. InvalidInput is about `field`."""
    if errors := _password_errors(password, user, field):
        raise InvalidInput(errors)
    return make_password(password)


def store_password(
    *,
    actor: Actor,
    user: User,
    hashed: str,
    now: datetime.datetime,
    kept_session_id: uuid.UUID | None = None,
    ends_keys: bool = False,
) -> None:
    """Store the hash, end every API session except the kept one, and withdraw a pending change of address.

    API keys end for a user who did not know the old password. Whether `actor` may is the caller's question.
    """
    with transaction.atomic():
        if lock_row(user).deleted_at is not None:
            raise InvalidTransition("user", "deleted", "changed", ())
        user.password, user.updated_at = hashed, now
        user.withdraw_pending_address()  # of somebody who knew the old one, maybe
        user.save(update_fields=["password", "pending_email", "pending_request", "updated_at"])
        AuthSession.objects.others_of(user, kept_session_id).update(revoked_at=now)
        after = end_keys(user, now) if ends_keys else {}
        record_event(actor, "user.password_changed", user, before={}, after=after)


def lock_user(user: User, *, is_losing_admin: bool) -> User:
    """Return the user as it is now, its row locked. Raises LastAdmin when the change would leave no active admin.

    No row of another user is locked. A transaction that takes an admin away waits for the others that do.
    """
    user = lock_row(user)
    if is_losing_admin and user.role == Role.ADMIN and user.is_active:
        lock_the_admins()
        # A new statement: it sees what the transaction before this one has done.
        if not User.objects.exclude(pk=user.pk).filter(role=Role.ADMIN, is_active=True).exists():
            raise LastAdmin
    return user


def insert_user(user: User, *, actor: Actor) -> None:
    """Store a checked user, in a transaction of the caller's. Raises Duplicate."""
    save_unique(user)
    record_event(actor, "user.registered", user, before={}, after={"username": user.username, "role": user.role})


def save_unique(user: User) -> None:
    """Save the user in the caller's transaction. Duplicate ends it: perhaps the insertion itself met the other user."""
    others = User.objects.exclude(pk=user.pk)
    usernames = others.with_username(user.username).values_list(Value("username"), flat=True)
    taken = set(usernames.union(others.with_email(user.email).values_list(Value("email"), flat=True)))
    if "username" in taken:
        raise Duplicate("username", TAKEN_USERNAME)
    if taken:
        raise Duplicate("email", TAKEN_EMAIL)
    try:
        user.save()
    except IntegrityError as error:
        if "cms_user_username_unique" in str(error):
            raise Duplicate("username", TAKEN_USERNAME) from error
        if "cms_user_email_unique" in str(error):
            raise Duplicate("email", TAKEN_EMAIL) from error
        raise


def _refuse_unless_own_or_admin(actor: Actor, user: User, changes: UserFields) -> None:
    if policy.may_manage_users(actor):
        return
    if not policy.is_known(actor) or actor.pk != user.pk:
        raise PermissionRefused("Only admins change other users.")
    if {"role", "is_active", "email_verified"} & changes.keys():
        raise PermissionRefused("Only admins change a role, the active state or a verification.")


def _is_losing_admin(changes: UserFields) -> bool:
    return changes.get("role", Role.ADMIN) != Role.ADMIN or not changes.get("is_active", True)


def _record_update(actor: Actor, user: User, before: dict[str, Any]) -> dict[str, AuditEvent]:
    """Record the events; return them by their actions."""
    after = {name: getattr(user, name) for name in before}
    actions = {"role": "user.role_changed", "email": "user.email_changed"}
    if user.pending_email:
        actions["pending_email"] = "user.email_change_requested"
    if "is_active" in before:
        actions["is_active"] = "user.activated" if user.is_active else "user.suspended"
    happened = [actions[name] for name in before if name in actions] or ["user.updated"]
    return {action: record_event(actor, action, user, before=before, after=after) for action in happened}


def _field_errors(fields: UserFields, *, is_reserved_allowed: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    if "username" in fields:
        errors += check_username("username", fields["username"], is_reserved_allowed=is_reserved_allowed)
    if "email" in fields:
        errors += check_email("email", fields["email"])
    for name, maximum in TEXT_LIMITS.items():
        errors += check_text(name, fields.get(name, ""), 0, maximum)  # type: ignore[arg-type]
    errors += preference_errors(fields.get("time_zone", ""), fields.get("language", ""))
    if "role" in fields:
        errors += check_choice("role", fields["role"], Role.values)
    return errors


def _password_errors(password: str, user: User, field: str = "password") -> list[FieldError]:
    errors = check_text(field, password, *limits.PASSWORD)
    if errors:
        return errors
    try:
        validate_password(password, user)
    except ValidationError as error:
        return [FieldError(field, problem.code or "weak", " ".join(problem.messages)) for problem in error.error_list]
    return []
