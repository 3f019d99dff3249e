"""Access and refresh tokens as signed text (JWT, RFC 7519): making them and reading them, without a database.

PyJWT signs them, not `django.core.signing`: clients of both versions hold JWTs for days, and across an upgrade.
"""

import datetime
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from jwt.types import Options

from cms.errors import InvalidToken
from cms.ids import parse_uuid
from cms.tokens.keys import key_for, keys_for

_ALGORITHM = "HS256"
PURPOSE: Final = b"tandem-tokens"
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
    return jwt.encode(payload, key_for(PURPOSE), algorithm=_ALGORITHM)


def read_token(kind: str, token: str, now: datetime.datetime) -> Claims:
    """Return the claims of a token whose signature and expiry are valid. Its session may have ended."""
    try:
        payload = _payload_of(token)
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


def _payload_of(token: str) -> dict[str, Any]:
    for key in keys_for(PURPOSE):
        with suppress(jwt.InvalidSignatureError):
            return jwt.decode(token, key, algorithms=[_ALGORITHM], options=_OPTIONS)
    raise jwt.InvalidSignatureError
