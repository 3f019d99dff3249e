"""The provider: where a browser signs in, and who came back (authorization code flow with PKCE, RFC 7636)."""

import base64
import datetime
import hashlib
import logging
import secrets
import time
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus, urlencode, urlsplit

from django.conf import settings
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_variables

from cms.costs.answering import client_answered
from cms.costs.turns import PLACES, Bounded, Places
from cms.environment import is_encrypted_or_local
from cms.errors import SignInRefused, sentence
from cms.outgoing.calls import Call
from cms.outgoing.fetching import FetchFailed, fetch_json
from cms.tokens.id_tokens import Expected, Identity, IdTokenRefused, read_id_token

TIMEOUT_S: Final = 5
"""For each of the three documents that a sign-in may wait for."""
BYTES_MAX: Final = 256 * 1024
KNOWN_FOR_S: Final = 600
_PLACES: Final = max(2, PLACES)
ASKING: Final = Bounded(
    gettext_noop("sign-ins wait for the provider"),
    at_once=_PLACES,
    patience_s=TIMEOUT_S,
    burst_s=5.0,
    places=Places(_PLACES, one_each=client_answered),
)
"""Threads of its own: while the provider hangs, all other work goes on."""
_FORM: Final = {"content-type": "application/x-www-form-urlencoded"}

logger: Final = logging.getLogger("tandem.single_sign_on")


class Attempt(NamedTuple):
    """Values that a browser keeps while it is at the provider; each is good for one sign-in."""

    state: str
    nonce: str
    verifier: str
    """The secret whose digest the provider was shown (PKCE)."""


class Endpoints(NamedTuple):
    authorization: str
    token: str
    keys: str
    is_secret_posted: bool
    """Whether the provider takes the client's secret in the form alone."""


def new_attempt() -> Attempt:
    return Attempt(*(secrets.token_urlsafe(32) for _ in Attempt._fields))


def authorization_url(attempt: Attempt, redirect_uri: str) -> str:
    """Return where the browser goes. Raises SignInRefused when the provider can't be asked, or Busy."""
    digest = hashlib.sha256(attempt.verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": settings.OIDC_CLIENT_ID,
        "redirect_uri": redirect_uri,
        "scope": "openid email",
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    try:
        url = endpoints().authorization
    except FetchFailed as error:
        raise _refused(error) from error
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def ask_who_came(attempt: Attempt, code: str, redirect_uri: str, now: datetime.datetime) -> Identity:
    """Exchange a code for the identity of who has signed in. Raises SignInRefused for every failure, or Busy."""
    expected = Expected(settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, attempt.nonce)
    try:
        known = endpoints()
        with ASKING.turn():
            answer = _fetch(_token_call(known, attempt, code, redirect_uri))
            # Not kept from last time: sign-ins are rare, and a provider may change its keys at any moment.
            keys = _fetch(Call("GET", known.keys)).get("keys")
        return read_id_token(answer.get("id_token"), keys, expected, now)
    except (FetchFailed, IdTokenRefused) as error:
        raise _refused(error) from error


def endpoints() -> Endpoints:
    """Return what the provider says of itself, asked for again after ten minutes. Raises FetchFailed, or Busy."""
    return _discover(settings.OIDC_ISSUER, int(time.monotonic() / KNOWN_FOR_S))


@lru_cache(maxsize=2)
def _discover(issuer: str, _period: int) -> Endpoints:
    with ASKING.turn():
        found = _fetch(Call("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration"))
    if found.get("issuer") != issuer:  # OpenID Connect Discovery 1.0 section 4.3
        raise FetchFailed(f"OIDC_ISSUER is {issuer}, and the provider names itself {found.get('issuer')!r}")
    methods = found.get("token_endpoint_auth_methods_supported")
    return Endpoints(
        _url(found, "authorization_endpoint"),
        _url(found, "token_endpoint"),
        _url(found, "jwks_uri"),
        isinstance(methods, list) and "client_secret_basic" not in methods,
    )


def _url(found: dict[str, Any], name: str) -> str:
    url = found.get(name)
    if not (isinstance(url, str) and is_encrypted_or_local(url)):
        raise FetchFailed(f"the provider's {name} is {url!r}, and has to be an address of https")
    return url


@sensitive_variables()
def _token_call(known: Endpoints, attempt: Attempt, code: str, redirect_uri: str) -> Call:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": attempt.verifier,
    }
    client = {"client_id": settings.OIDC_CLIENT_ID, "client_secret": settings.OIDC_CLIENT_SECRET}
    if known.is_secret_posted:
        return Call("POST", known.token, _FORM, urlencode(form | client).encode())
    # RFC 6749 section 2.3.1: both halves are encoded as in a form before they are joined.
    credentials = base64.b64encode(":".join(map(quote_plus, client.values())).encode()).decode()
    return Call("POST", known.token, {**_FORM, "authorization": f"Basic {credentials}"}, urlencode(form).encode())


def _fetch(call: Call) -> dict[str, Any]:
    host, issuer = urlsplit(call.url).hostname, urlsplit(settings.OIDC_ISSUER).hostname
    # The settings name the issuer, which may be in the own network. Hosts that it names in turn have to be public.
    return fetch_json(call, timeout_s=TIMEOUT_S, bytes_max=BYTES_MAX, is_private_allowed=host == issuer)


def _refused(error: Exception) -> SignInRefused:
    """Log the reason, which helps nobody at the login page, and return the refusal."""
    logger.warning("Single sign-on failed: %s", error)
    return SignInRefused(
        sentence(
            "This site could not ask %(provider)s who you are. Try again in a moment. If it fails again, ask an "
            "admin: the log of the server has the reason.",
            provider=settings.OIDC_NAME,
        )
    )
