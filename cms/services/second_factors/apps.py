"""Authenticator apps (TOTP, RFC 6238): set up by a secret and a first code, then asked for a code at each login."""

import base64
import datetime
import hmac
import logging
import secrets
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from cms.errors import FieldError, InvalidInput, InvalidTransition, NotFound
from cms.models import AuthenticatorApp, User
from cms.services.locks import lock_row
from cms.services.proofs import Proof, require_proof
from cms.services.second_factors.factors import note_added, remove_factor
from cms.services.second_factors.recovery_codes import first_recovery_codes
from cms.tokens.second_factors import DIGITS, SECRET_BYTES, STEP_S, Unreadable, code_at, plain, seal, unseal

logger = logging.getLogger(__name__)

KIND: Final = "app"
ISSUER: Final = "Tandem"
TOLERATED_STEPS: Final = (0, -1, 1)  # a clock that is half a minute off, RFC 6238 section 6
WRONG_CODE: Final = FieldError("code", "wrong_code", "This is not the code that the app shows now.")
REPLACED: Final = FieldError(
    "code",
    "replaced",
    "Your QR code was replaced by that of another browser. Scan the new one. If the other browser is not yours, change "
    "your password.",
)


@dataclass(frozen=True)
class Offer:
    """The secret for an app; nobody sees it again once the app is confirmed."""

    secret: str = field(repr=False)
    """In base32, as people type it."""
    uri: str = field(repr=False)
    """The same for a QR code (otpauth://)."""


@sensitive_variables()
def offer_app(*, user: User, proof: Proof, now: datetime.datetime) -> Offer:
    """Begin to set up an app, or go on with the one that was begun under this proof.

    Each other proof gets a secret of its own, which takes the place of the last. Raises InvalidTransition for a user
    who has an app.
    """
    with transaction.atomic():
        user = lock_row(user)
        require_proof(proof, user, now)
        app = AuthenticatorApp.objects.filter(user=user).first()
        if app and app.confirmed_at:
            raise InvalidTransition("second factor", "confirmed", "set up", ("removed",))
        secret = _begun_secret(app, proof)
        if secret is None:
            secret = secrets.token_bytes(SECRET_BYTES)
            values = {"secret": seal(secret, proof.id), "created_at": now, "updated_at": now}
            AuthenticatorApp.objects.update_or_create(user=user, defaults=values)
    text = base64.b32encode(secret).decode()
    label = quote(f"{ISSUER}:{user.username}")
    return Offer(text, f"otpauth://totp/{label}?{urlencode({'secret': text, 'issuer': ISSUER})}")


@sensitive_variables()
def confirm_app(*, user: User, code: str, proof: Proof, now: datetime.datetime) -> list[str]:
    """Make the app a second factor by its first code; return the recovery codes of a user who had none.

    Raises InvalidInput for a wrong code, and for a secret that another proof has replaced.
    """
    with transaction.atomic():
        user = lock_row(user)
        require_proof(proof, user, now)
        app = AuthenticatorApp.objects.filter(user=user, confirmed_at=None).first()
        if app is None:
            raise NotFound("There is no app to confirm: start again.")
        secret = _begun_secret(app, proof)
        if secret is None:
            raise InvalidInput([REPLACED])
        step = _step_of(secret, app.last_step, code, now)
        if step is None:
            raise InvalidInput([WRONG_CODE])
        app.confirmed_at = app.updated_at = now
        app.secret, app.last_step = seal(secret), step
        app.save(update_fields=["confirmed_at", "updated_at", "secret", "last_step"])
        note_added(user, KIND)
        return first_recovery_codes(user)


def remove_app(*, user: User, proof: Proof, now: datetime.datetime) -> None:
    """Raises NotFound without one, PermissionRefused for the last factor of a user whose role needs one."""
    with transaction.atomic():
        user = lock_row(user)
        require_proof(proof, user, now)
        app = AuthenticatorApp.objects.filter(user=user).exclude(confirmed_at=None).first()
        if app is None:
            raise NotFound("This second factor does not exist any more.")
        remove_factor(user, app, KIND)


def app_of(user: User) -> AuthenticatorApp | None:
    """Return the user's confirmed app."""
    return AuthenticatorApp.objects.filter(user=user).exclude(confirmed_at=None).first()


@sensitive_variables("code", "secret")
def use_app_code(user: User, code: str, now: datetime.datetime) -> bool:
    """Whether this was a code of the user's app, and its first use. One of two requests with the same code wins."""
    app = app_of(user)
    if app is None:
        return False
    try:
        secret = unseal(app.secret)
    except Unreadable:
        logger.error("The secret of a second factor was sealed with another SECRET_KEY: %s", app.pk)
        return False
    step = _step_of(secret, app.last_step, code, now)
    if step is None:
        return False
    # Sealed again on the way: a fallback key can go once its users have signed in.
    values = {"last_step": step, "last_used_at": now, "secret": seal(secret)}
    return bool(AuthenticatorApp.objects.filter(pk=app.pk, last_step__lt=step).update(**values))


def looks_like_app_code(code: str) -> bool:
    code = plain(code)
    return len(code) == DIGITS and code.isdigit()


def _begun_secret(app: AuthenticatorApp | None, proof: Proof) -> bytes | None:
    """Return the secret that this proof has begun, for a form that is shown again and for its first code."""
    if app is None:
        return None
    try:
        return unseal(app.secret, proof.id)
    except Unreadable:
        return None


def _step_of(secret: bytes, last_step: int, code: str, now: datetime.datetime) -> int | None:
    """Return the unused time step whose code this is."""
    current = int(now.timestamp()) // STEP_S
    steps = [current + offset for offset in TOLERATED_STEPS if current + offset > last_step]
    given = plain(code).encode(errors="replace")
    found = [step for step in steps if hmac.compare_digest(code_at(secret, step).encode(), given)]
    return found[0] if found else None
