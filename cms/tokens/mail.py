"""Tokens that are sent by mail: signed, good for a while, and for one use, for each is bound to what its use changes.

Knows no database: whoever reads one looks its user up and asks whether it is good for that user as it is now.
"""

import base64
import binascii
import datetime
import hashlib
import hmac
import uuid
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from django.conf import settings

if TYPE_CHECKING:
    from cms.models import User

_ID_BYTES: Final = 16
_EXPIRY_BYTES: Final = 5  # of seconds since 1970
_SIGNATURE_BYTES: Final = 32
_LENGTH_BYTES: Final = _ID_BYTES + _EXPIRY_BYTES + _SIGNATURE_BYTES


class Purpose(StrEnum):
    PASSWORD_RESET = "password-reset"  # noqa: S105 - what it is for, and no password
    EMAIL_VERIFICATION = "email-verification"


def make_mail_token(purpose: Purpose, user: "User", now: datetime.datetime) -> str:
    lifetimes_s = {
        Purpose.PASSWORD_RESET: settings.PASSWORD_RESET_LIFETIME_S,
        Purpose.EMAIL_VERIFICATION: settings.EMAIL_VERIFICATION_LIFETIME_S,
    }
    expires_at_s = int(now.timestamp()) + lifetimes_s[purpose]
    head = user.pk.bytes + expires_at_s.to_bytes(_EXPIRY_BYTES)
    return base64.urlsafe_b64encode(head + _signature(purpose, head, user)).rstrip(b"=").decode()


def user_id_in(token: str) -> uuid.UUID | None:
    """Whom the token says that it is for, which `is_good` has to prove; None for what isn't even the form of one."""
    raw = _decoded(token)
    return uuid.UUID(bytes=raw[:_ID_BYTES]) if raw else None


def is_good(purpose: Purpose, token: str, user: "User", now: datetime.datetime) -> bool:
    """Whether it was made for this purpose and this user, has not expired, and what it would change is as it was then."""
    raw = _decoded(token)
    if raw is None or raw[:_ID_BYTES] != user.pk.bytes or not user.is_active:
        return False
    head, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
    is_expired = int.from_bytes(head[_ID_BYTES:]) <= now.timestamp()
    return hmac.compare_digest(signature, _signature(purpose, head, user)) and not is_expired


def _decoded(token: str) -> bytes | None:
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == _LENGTH_BYTES else None


def _signature(purpose: Purpose, head: bytes, user: "User") -> bytes:
    """The address is in every state: a token proves that its reader has that mailbox."""
    changed = {Purpose.PASSWORD_RESET: user.password, Purpose.EMAIL_VERIFICATION: str(user.email_verified)}[purpose]
    state = "\0".join((purpose, user.email, changed)).encode()
    # A key of its own, as for access tokens: nothing else signed with SECRET_KEY can pass for one of these.
    key = hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"tandem-mail-toks").digest()
    return hashlib.blake2b(head + state, digest_size=_SIGNATURE_BYTES, key=key).digest()
