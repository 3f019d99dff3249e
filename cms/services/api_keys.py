"""API keys: issued, shown once, looked up on every request, revoked. `tokens/api_keys.py` defines a key's text."""

import datetime
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

from django.db import transaction
from django.db.models import Q
from django.views.decorators.debug import sensitive_variables

from cms import limits, policy
from cms.choices import Scope
from cms.errors import (
    FieldError,
    InvalidApiKey,
    InvalidInput,
    InvalidToken,
    InvalidTransition,
    PermissionRefused,
    TooManyKeys,
    sentence,
)
from cms.models import ApiKey, User
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.checks import check_choice, check_email, check_instant, check_text
from cms.services.kept_bytes import take_own_change
from cms.services.locks import lock_row
from cms.tokens.api_keys import digest_of, make_raw_key, possible_digests, prefix_of

USE_NOTED_EVERY: Final = datetime.timedelta(minutes=1)


class ApiKeyFields(TypedDict, total=False):
    name: str
    scopes: Sequence[str]
    contact_email: str
    """Whom admins ask about the key; may be empty. No mail goes there, for nobody has proved the address."""
    expires_at: datetime.datetime | None


@dataclass(frozen=True)
class IssuedKey:
    api_key: ApiKey
    raw_key: str = field(repr=False)
    """The only time that anybody sees it."""


@sensitive_variables()
def create_api_key(*, actor: Actor, owner: User, fields: ApiKeyFields, now: datetime.datetime) -> IssuedKey:
    """Create a key of `owner`, by the owner or an admin, with no scope that the owner's role doesn't reach.

    Raises InvalidInput, RateLimited, TooManyKeys for an owner who has `limits.LIVE_KEYS_MAX` live ones, or InvalidToken
    for one whose password has changed since the request was let in.
    """
    _refuse_stranger(actor, owner)
    take_own_change(actor, now)
    raw_key = make_raw_key()
    with transaction.atomic():
        # A suspension that runs at the same time then comes before, or ends the new key with the others. So does a
        # reset: it ends the session that asks here, which was admitted under the password that its user has in memory.
        owner = lock_row(owner)
        if isinstance(actor, User) and actor.pk == owner.pk and actor.password != owner.password:
            raise InvalidToken
        if errors := _field_errors({"name": "", "scopes": (), **fields}, owner, now):
            raise InvalidInput(errors)
        _refuse_too_many(owner, now)
        scopes = _in_order(fields["scopes"])
        columns = {**fields, "scopes": scopes, "prefix": prefix_of(raw_key), "digest": digest_of(raw_key)}
        api_key = ApiKey(**columns, owner=owner, created_at=now, updated_at=now)
        api_key.save(force_insert=True)
        after = {"name": api_key.name, "prefix": api_key.prefix, "scopes": scopes, "owner": str(owner.pk)}
        record_event(actor, "api_key.created", api_key, before={}, after=after)
    return IssuedKey(api_key, raw_key)


def update_api_key(*, actor: Actor, api_key: ApiKey, changes: ApiKeyFields, now: datetime.datetime) -> ApiKey:
    """Raises InvalidTransition for a key that was revoked, and for more time to one that has expired, or RateLimited.

    A key that came back would have to be counted against its owner's limit.
    """
    with transaction.atomic():
        api_key = lock_row(api_key)
        _refuse_stranger(actor, api_key.owner)
        if not api_key.is_active:
            raise InvalidTransition("key", "revoked", "changed", ())
        if "expires_at" in changes and is_expired(api_key, now):
            raise InvalidTransition("key", "expired", "renewed", ())
        if errors := _field_errors(changes, api_key.owner, now):
            raise InvalidInput(errors)
        wanted: dict[str, Any] = {**changes}
        if "scopes" in changes:
            wanted["scopes"] = _in_order(changes["scopes"])
        before = {name: getattr(api_key, name) for name, value in wanted.items() if getattr(api_key, name) != value}
        if not before:
            return api_key
        take_own_change(actor, now)
        for name in before:
            setattr(api_key, name, wanted[name])
        api_key.updated_at = now
        api_key.save(update_fields=[*before, "updated_at"])
        after = {name: _as_json(wanted[name]) for name in before}
        before = {name: _as_json(value) for name, value in before.items()}
        record_event(actor, "api_key.updated", api_key, before=before, after=after)
    return api_key


def revoke_api_key(*, actor: Actor, api_key: ApiKey, now: datetime.datetime) -> ApiKey:
    """Revoke the key for ever, from the next request on. Revoking it twice is not an error."""
    with transaction.atomic():
        api_key = lock_row(api_key)
        _refuse_stranger(actor, api_key.owner)
        if api_key.is_active:
            api_key.is_active, api_key.updated_at = False, now
            api_key.save(update_fields=["is_active", "updated_at"])
            record_event(actor, "api_key.revoked", api_key, before={"is_active": True}, after={"is_active": False})
    return api_key


@sensitive_variables()
def find_api_key(*, raw_key: str, now: datetime.datetime) -> ApiKey:
    """Return the usable key with this text and its owner, by one query on a unique index.

    Its digest is that of the SECRET_KEY of now, also if an earlier one is stored; `note_use` stores it. Raises
    InvalidApiKey with the same words for every reason.
    """
    prefix = prefix_of(raw_key)
    if prefix is None:
        raise InvalidApiKey
    api_key = ApiKey.objects.select_related("owner").filter(prefix=prefix).first()
    # All digests are computed and compared, for unknown prefixes too: the time taken doesn't reveal which exist.
    digests, stored = possible_digests(raw_key), api_key.digest if api_key else ""
    matches = [hmac.compare_digest(digest, stored) for digest in digests]
    if api_key is None or not any(matches) or not is_usable(api_key, now):
        raise InvalidApiKey
    api_key.digest = digests[0]
    return api_key


def is_usable(api_key: ApiKey, now: datetime.datetime) -> bool:
    """Return whether the key is neither revoked nor expired, and its owner isn't suspended."""
    return api_key.is_active and not is_expired(api_key, now) and api_key.owner.is_active


def is_expired(api_key: ApiKey, now: datetime.datetime) -> bool:
    return api_key.expires_at is not None and api_key.expires_at <= now


def may_use(api_key: ApiKey, scope: Scope) -> bool:
    """Whether the key has this scope and its owner's role, as it is today, still reaches it."""
    return scope in api_key.scopes and policy.is_scope_open_to(api_key.owner, scope)


def is_use_due(api_key: ApiKey, now: datetime.datetime) -> bool:
    """Whether `note_use` would write anything."""
    return api_key.last_used_at is None or api_key.last_used_at <= now - USE_NOTED_EVERY


def note_use(*, api_key: ApiKey, now: datetime.datetime) -> None:
    """Note that the key was used, at most once a minute, and store the digest that `find_api_key` gave it.

    So a key that was used since a new SECRET_KEY doesn't need the old one.
    """
    # One of many concurrent requests writes; the row's lock is held for this statement alone.
    is_due = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_NOTED_EVERY)
    ApiKey.objects.filter(is_due, pk=api_key.pk).update(last_used_at=now, digest=api_key.digest)


def _refuse_stranger(actor: Actor, owner: User) -> None:
    is_own = policy.may_manage_own_keys(actor) and actor.pk == owner.pk
    if not is_own and not policy.may_manage_all_keys(actor):
        raise PermissionRefused("Only admins manage the keys of others.")


def _refuse_too_many(owner: User, now: datetime.datetime) -> None:
    """Raise TooManyKeys at the limit. Call with the owner's row locked: the second of two new keys counts the first."""
    if ApiKey.objects.filter(owner=owner).live(now).count() >= limits.LIVE_KEYS_MAX:
        raise TooManyKeys(limits.LIVE_KEYS_MAX)


def _in_order(scopes: Sequence[str]) -> list[str]:
    """Return each scope once, in the order of the vocabulary."""
    return [scope.value for scope in Scope if scope in scopes]


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.datetime) else value


def _field_errors(fields: ApiKeyFields, owner: User, now: datetime.datetime) -> list[FieldError]:
    errors: list[FieldError] = []
    if "name" in fields:
        errors += check_text("name", fields["name"], *limits.KEY_NAME)
    if "scopes" in fields:
        errors += _scope_errors(fields["scopes"], owner)
    if contact_email := fields.get("contact_email"):
        errors += check_email("contact_email", contact_email)
    expires_at = fields.get("expires_at")
    if expires_at is not None and expires_at <= now:
        errors.append(FieldError("expires_at", "too_early", "A key expires in the future."))
    return errors + check_instant("expires_at", expires_at)


def _scope_errors(scopes: Sequence[str], owner: User) -> list[FieldError]:
    if not scopes:
        return [FieldError("scopes", "required", "A key needs at least one scope.")]
    unknown = next((scope for scope in scopes if scope not in Scope.values), None)
    if unknown is not None:
        return check_choice("scopes", unknown, Scope.values)
    beyond = sorted(set(scopes) - policy.scopes_open_to(owner))
    if not beyond:
        return []
    return [
        FieldError(
            "scopes",
            "beyond_role",
            sentence("The owner may not do what these are for: %(names)s.", names=", ".join(beyond)),
        )
    ]
