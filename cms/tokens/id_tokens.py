"""ID tokens of an OpenID Connect provider: reading one, with the provider's keys and without a request."""

import datetime
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import jwt
from django.utils.crypto import constant_time_compare
from jwt.types import Options

from cms import limits

# Each with the keys that it goes with (RFC 7518 section 3.1). None is symmetric: the keys are public.
ALGORITHMS: Final = {"RS256": {"kty": "RSA"}, "ES256": {"kty": "EC", "crv": "P-256"}}
LEEWAY_S: Final = 60
"""How far the clocks of the provider and of this site may be apart."""
# The library would read the machine's clock; `cms/clock.py` is that of all processes.
_OPTIONS: Final[Options] = {
    "require": ["iss", "aud", "exp", "iat", "sub", "nonce"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "enforce_minimum_key_length": True,
}


class IdTokenRefused(Exception):
    """The token is not to be believed; the text says why, for a log."""


class Expected(NamedTuple):
    """Claims that the token must have."""

    issuer: str
    client_id: str
    nonce: str


class Identity(NamedTuple):
    """Somebody whom a provider has signed in."""

    issuer: str
    subject: str
    verified_email: str | None
    """None where the provider does not vouch for the address."""


def read_id_token(token: Any, keys: Any, expected: Expected, now: datetime.datetime) -> Identity:
    """Return whom a token names, checked as OpenID Connect Core 1.0 section 3.1.3.7 says. Raises IdTokenRefused.

    `keys` is the member of that name in the provider's JWKS.
    """
    try:
        header = jwt.get_unverified_header(token)
        algorithm = str(header["alg"])
        key = jwt.PyJWK(_key_of(header, algorithm, keys), algorithm)
        claims = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            options=_OPTIONS,
            audience=expected.client_id,
            issuer=expected.issuer,
        )
    # A parser of foreign bytes raises these beside its own.
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise IdTokenRefused(f"{type(error).__name__}: {error}") from error
    _check_claims(claims, expected, now)
    is_verified = claims.get("email_verified") is True and isinstance(claims.get("email"), str)
    return Identity(expected.issuer, claims["sub"], claims["email"] if is_verified else None)


def _key_of(header: Mapping[str, Any], algorithm: str, keys: Any) -> dict[str, Any]:
    """Return the one key that the token can be signed with: without a `kid` the provider may have no other."""
    if algorithm not in ALGORITHMS:
        raise IdTokenRefused(f"the signature is by {algorithm[:20]!r}, and may be by {' or '.join(ALGORITHMS)}")
    wanted = {**ALGORITHMS[algorithm], **({"kid": header["kid"]} if "kid" in header else {})}
    fitting = [
        key
        for key in keys
        if all(key.get(name) == value for name, value in wanted.items())
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
    ]
    if len(fitting) != 1:
        raise IdTokenRefused(f"{len(fitting)} of the provider's keys fit the signature")
    return dict(fitting[0])


def _check_claims(claims: Mapping[str, Any], expected: Expected, now: datetime.datetime) -> None:
    at, expires_at, begins_at = now.timestamp(), claims["exp"], claims.get("nbf", 0)
    if not (isinstance(expires_at, int | float) and at < expires_at + LEEWAY_S):
        raise IdTokenRefused("it has expired")
    if not (isinstance(begins_at, int | float) and begins_at - LEEWAY_S <= at):
        raise IdTokenRefused("it is not valid yet")
    audience, party = claims["aud"], claims.get("azp", expected.client_id)
    if party != expected.client_id or (isinstance(audience, list) and len(audience) > 1 and "azp" not in claims):
        raise IdTokenRefused("it was issued to another client (azp)")
    if not (isinstance(claims["nonce"], str) and constant_time_compare(claims["nonce"], expected.nonce)):
        raise IdTokenRefused("its nonce is that of another sign-in")
    if not (0 < len(claims["sub"]) <= limits.SUBJECT_MAX and claims["sub"].isascii() and "\x00" not in claims["sub"]):
        raise IdTokenRefused(f"its subject is not 1 to {limits.SUBJECT_MAX} ASCII characters")
