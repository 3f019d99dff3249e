"""Tokens sent by mail: signed, valid for a while and for one use, because each is bound to what its use changes.

Knows no database: the reader of a token looks its user up and asks whether it is valid for that user as it is now.
"""

import datetime
import uuid
from enum import StrEnum
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.signing import BadSignature, Signer

from cms.ids import parse_uuid

if TYPE_CHECKING:
    from cms.models import User


class Purpose(StrEnum):
    PASSWORD_RESET = "password-reset"  # noqa: S105 - what it is for, and no password
    EMAIL_VERIFICATION = "email-verification"
    EMAIL_CHANGE = "email-change"
    EMAIL_CHANGE_CONSENT = "email-change-consent"


def make_mail_token(purpose: Purpose, user: "User", now: datetime.datetime) -> str:
    is_reset = purpose is Purpose.PASSWORD_RESET
    lifetime_s = settings.PASSWORD_RESET_LIFETIME_S if is_reset else settings.EMAIL_VERIFICATION_LIFETIME_S
    expires_at_s = int(now.timestamp()) + lifetime_s
    return _signer(purpose, user).sign(f"{user.pk.hex}:{expires_at_s}")


def user_id_in(token: str) -> uuid.UUID | None:
    """Return the id of the user whom the token claims, which `is_good` has to prove; None for text of another form."""
    return parse_uuid(token.partition(":")[0])


def is_good(purpose: Purpose, token: str, user: "User", now: datetime.datetime) -> bool:
    """Return whether it is for this purpose and user, has not expired, and what it changes has not changed since."""
    try:
        user_id, _, expires_at_s = _signer(purpose, user).unsign(token).partition(":")
    except (BadSignature, UnicodeError):  # a lone surrogate cannot be signed
        return False
    return user_id == user.pk.hex and user.is_active and int(expires_at_s) > now.timestamp()


def _signer(purpose: Purpose, user: "User") -> Signer:
    """Return a signer with the address in every salt: a token proves access to that mailbox, or the pending one.

    A new password ends each change of the address for good, also for who asks for the same one again. So does another
    request, which may have been made without the password.
    """
    # An older release gave a request no name.
    asked = (user.pending_email, user.password, *filter(None, [user.pending_request]))
    changed = {
        Purpose.PASSWORD_RESET: (user.password,),
        Purpose.EMAIL_VERIFICATION: (str(user.email_verified),),
        Purpose.EMAIL_CHANGE: asked,
        Purpose.EMAIL_CHANGE_CONSENT: asked,
    }[purpose]
    return Signer(salt="\0".join(("cms.tokens.mail", purpose, user.email, *changed)))
