"""Access and refresh tokens as signed text (JWT, RFC 7519): making them and reading them, without a database.

PyJWT signs them, not `django.core.signing`: clients of both versions hold JWTs for days, and across an upgrade.
"""

import datetime
import hashlib
import uuid
from dataclasses import dataclass, field
from typing import Final

import jwt
from django.conf import settings
from jwt.types import Options

from cms.errors import InvalidToken
from cms.ids import parse_uuid

_ALGORITHM = "HS256"
# The library would read the clock itself, and refuse tokens from a machine whose clock is a moment ahead of ours (iat).
_OPTIONS: Final[Options] = {"require": ["exp", "sub", "sid", "gen"], "verify_exp": False, "verify_iat": False}


@dataclass(frozen=True)
class Claims:
    user_id: uuid.UUID
    session_id: uuid.UUID
    generation: int
    lifetime_s: int | None = field(default=None, compare=False)
    """For how long the token that was read was good from the first; None when it doesn't say."""


def make_token(kind: str, claims: Claims, now: datetime.datetime, lifetime_s: int) -> str:
    """`kind` is access or refresh."""
    payload = {
        "typ": kind,
        "sub": str(claims.user_id),
        "sid": str(claims.session_id),
        "gen": claims.generation,
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + lifetime_s,
    }
    return jwt.encode(payload, _key(), algorithm=_ALGORITHM)


def read_token(kind: str, token: str, now: datetime.datetime) -> Claims:
    """Return the claims of a token whose signature and expiry are valid. Its session may have ended."""
    try:
        payload = jwt.decode(token, _key(), algorithms=[_ALGORITHM], options=_OPTIONS)
    except (jwt.InvalidTokenError, UnicodeError) as error:  # a lone surrogate can't be signed
        raise InvalidToken from error
    user_id, session_id = parse_uuid(payload["sub"]), parse_uuid(payload["sid"])
    if payload.get("typ") != kind or user_id is None or session_id is None or not isinstance(payload["gen"], int):
        raise InvalidToken
    if not isinstance(payload["exp"], int) or payload["exp"] <= now.timestamp():
        raise InvalidToken
    issued_at = payload.get("iat")
    lifetime_s = payload["exp"] - issued_at if isinstance(issued_at, int) else None
    return Claims(user_id, session_id, payload["gen"], lifetime_s)


def _key() -> bytes:
    # A key of its own, so that nothing else signed with SECRET_KEY can pass for a token.
    return hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"tandem-tokens").digest()
