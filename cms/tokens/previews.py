"""The signed text in a preview link: which post, by which user, until when. Made and read without a database."""

import datetime
import uuid
from dataclasses import dataclass
from typing import Final

from django.core.signing import BadSignature, Signer

from cms.errors import NotFound

_SALT: Final = "cms.tokens.previews"


@dataclass(frozen=True)
class PreviewClaims:
    post_id: uuid.UUID
    issuer_id: uuid.UUID
    expires_at: datetime.datetime
    """In whole seconds."""


def make_preview_token(claims: PreviewClaims) -> str:
    expires_at_s = int(claims.expires_at.timestamp())
    return Signer(salt=_SALT).sign_object([claims.post_id.hex, claims.issuer_id.hex, expires_at_s])


def read_preview_token(token: str, now: datetime.datetime) -> PreviewClaims:
    """Return the claims of a link. Raise NotFound for a text that we have not signed, and for an expired link."""
    try:
        post_id, issuer_id, expires_at_s = Signer(salt=_SALT).unsign_object(token)
    except (BadSignature, UnicodeError) as error:  # a lone surrogate cannot be signed
        raise NotFound("This link shows nothing.") from error
    # The signer's own expiry would read the clock.
    if expires_at_s <= now.timestamp():
        raise NotFound("This link has expired.")
    expires_at = datetime.datetime.fromtimestamp(expires_at_s, datetime.UTC)
    return PreviewClaims(uuid.UUID(post_id), uuid.UUID(issuer_id), expires_at)
