"""The credential of a request, read once: the canary asks for an identity, the views for the user behind it."""

from django.http import HttpRequest

from cms import clock
from cms.errors import InvalidToken
from cms.tokens.access import Claims, read_token
from cms.tokens.api_keys import prefix_of

_ATTRIBUTE = "_tandem_claims"


def bearer_token(request: HttpRequest) -> str | None:
    """Return the token of `Authorization: Bearer …`, None when there is none or another scheme."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def raw_api_key(request: HttpRequest) -> str | None:
    """Return the value of `X-API-Key`, None without that header. An empty one is a key too, and a wrong one."""
    value: str | None = request.META.get("HTTP_X_API_KEY")
    return None if value is None else value.strip()


def access_claims(request: HttpRequest) -> Claims | None:
    """Return the claims of the request's access token, None without one. Raises InvalidToken.

    Signature and expiry are checked once a request and locally; the view asks whether the session still stands.
    """
    if not hasattr(request, _ATTRIBUTE):
        setattr(request, _ATTRIBUTE, _read(request))
    found: Claims | InvalidToken | None = getattr(request, _ATTRIBUTE)
    if isinstance(found, InvalidToken):
        raise found
    return found


def identify(request: HttpRequest) -> tuple[str, str] | None:
    """Return the kind and id of the request's identity, for the canary; None without a valid credential.

    An API key is known by its prefix here: whether there is such a key costs a query, which is the view's business.
    """
    meta = request.META
    if "HTTP_AUTHORIZATION" not in meta and "HTTP_X_API_KEY" not in meta:  # most requests, and asked of each
        return None
    try:
        claims = access_claims(request)
    except InvalidToken:
        claims = None
    if claims:
        return "user", str(claims.user_id)
    prefix = prefix_of(raw_api_key(request) or "")
    return ("key", prefix) if prefix else None


def _read(request: HttpRequest) -> Claims | InvalidToken | None:
    token = bearer_token(request)
    if token is None:
        return None
    try:
        return read_token("access", token, clock.now())
    except InvalidToken as error:
        return error
