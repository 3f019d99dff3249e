"""The signed text in a preview link: which post, on whose word, until when. Made and read without a database."""

import base64
import binascii
import datetime
import hashlib
import hmac
import uuid
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from cms.errors import NotFound

_SIGNATURE_BYTES: Final = 16
_LENGTH: Final = 16 + 16 + 8 + _SIGNATURE_BYTES


@dataclass(frozen=True)
class PreviewClaims:
    post_id: uuid.UUID
    issuer_id: uuid.UUID
    expires_at: datetime.datetime
    """In whole seconds."""


def make_preview_token(claims: PreviewClaims) -> str:
    until = int(claims.expires_at.timestamp()).to_bytes(8)
    payload = claims.post_id.bytes + claims.issuer_id.bytes + until
    return base64.urlsafe_b64encode(payload + _signature(payload)).decode().rstrip("=")


def read_preview_token(token: str, now: datetime.datetime) -> PreviewClaims:
    """Raises NotFound for what we haven't signed and for what has expired."""
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotFound("This link shows nothing.") from error
    payload, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
    if len(raw) != _LENGTH or not hmac.compare_digest(signature, _signature(payload)):
        raise NotFound("This link shows nothing.")
    expires_at = datetime.datetime.fromtimestamp(int.from_bytes(payload[32:]), datetime.UTC)
    if expires_at <= now:
        raise NotFound("This link has expired.")
    return PreviewClaims(uuid.UUID(bytes=payload[:16]), uuid.UUID(bytes=payload[16:32]), expires_at)


def _signature(payload: bytes) -> bytes:
    # A key of its own, as in cms/tokens/access.py.
    key = hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"tandem-previews").digest()
    return hashlib.blake2b(payload, digest_size=_SIGNATURE_BYTES, key=key).digest()
