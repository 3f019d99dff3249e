"""Find out who is asking: from the credential, else a header, else the signed cookie, else address and user agent.

The cookie keeps its form and does not take that of `django.core.signing`: browsers hold it for a year. So the keys of
cookies and of digests are the rollout's, as long as one is stored: another SECRET_KEY moves nobody.
"""

import base64
import binascii
import hmac
import ipaddress
from functools import lru_cache
from hashlib import blake2b
from http.cookies import Morsel

from django.http import HttpRequest, HttpResponse

from canary.conf import canary_conf, secret_for, secrets_for
from canary.core.consumers import PROVEN
from canary.core.values import KINDS, Identity
from canary.state.store import current_snapshot

COOKIE = "canary_id"
COOKIE_AGE_S = 365 * 24 * 3600
CLIENT_ID_MAX = 128
# Placeholders of programs that have no id: taken for ids, they would put all their users into one bucket.
ABSENT = frozenset({"", "null", "undefined", "anonymous", "unknown", "0", "-"})


class UnusableIdentityError(Exception):
    """The request names an identity that can't be one."""


def identify(request: HttpRequest) -> Identity | None:
    """Return the identity of a request, by the first rule that applies; None when it names an unusable one."""
    if credential := canary_conf().identify(request):
        return Identity(*credential)
    try:
        return _client(request) or read_cookie(request) or _anonymous(request)
    except UnusableIdentityError:
        return None


def _client(request: HttpRequest) -> Identity | None:
    return client_identity(request.META.get("HTTP_X_CLIENT_ID", ""))


def client_identity(text: str) -> Identity | None:
    """Return the identity of an X-Client-Id; None for an empty or placeholder text. Raises UnusableIdentityError."""
    client_id = text.strip()
    if client_id.lower() in ABSENT:
        return None
    if len(client_id) > CLIENT_ID_MAX or not (client_id.isascii() and client_id.isprintable()):
        raise UnusableIdentityError
    return Identity("client", client_id)


def _anonymous(request: HttpRequest) -> Identity:
    address, agent = request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_USER_AGENT", "")
    if not address and not agent:
        raise UnusableIdentityError
    name = f"{address}\n{agent}".encode(errors="surrogateescape")
    key = current_snapshot().anonymous_key or secret_for("canary-anon")
    return Identity("anon", blake2b(name, digest_size=16, key=key).hexdigest())


@lru_cache(maxsize=16_384)
def network_of(address: str) -> str:
    """Return a digest of the /24 or /48 around the address: a line has a whole /56 of IPv6 networks, or more."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        network = address
    else:
        mapped = getattr(parsed, "ipv4_mapped", None) or parsed
        network = str(ipaddress.ip_network((mapped, 24 if mapped.version == 4 else 48), strict=False))
    return blake2b(network.encode(errors="replace"), digest_size=16, key=secret_for("canary-network")).hexdigest()


def read_cookie(request: HttpRequest) -> Identity | None:
    """Return the identity in the request's cookie; None without one, or when its signature is not ours."""
    # Nothing is parsed where nothing was sent.
    return parse_cookie(request.COOKIES.get(COOKIE, "")) if request.META.get("HTTP_COOKIE") else None


def parse_cookie(text: str) -> Identity | None:
    """Return the identity in the text of such a cookie; None for any text that isn't ours."""
    kind, _, rest = text.partition(".")
    encoded, _, signature = rest.partition(".")
    if kind not in KINDS or not _is_ours(f"{kind}.{encoded}", signature):
        return None
    try:
        return Identity(kind, base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
    except (binascii.Error, UnicodeDecodeError):
        return None


def was_let_in(status: int, *, is_known: bool) -> bool:
    """Return whether a view has let in the credential of a request: anybody can make up the text of one.

    `is_known` tells whether the view knew a person. A site without `EVIDENCE_UNIT` has to do with a good answer.
    """
    return is_known or (status < 400 and not canary_conf().has_evidence_unit)


def may_carry(identity: Identity, request: HttpRequest, response: HttpResponse) -> bool:
    """Return whether a cookie may carry the identity of this request, if its own cookie does not."""
    if identity.kind not in PROVEN:
        return True
    return was_let_in(response.status_code, is_known=canary_conf().evidence_unit(request) is not None)


def write_cookie(response: HttpResponse, identity: Identity) -> None:
    """Carry the identity that was used, never the decision: a change of weight needs no new cookie."""
    # Copies skip the checks that setting a cookie repeats: clients without a cookie jar get one with every response.
    morsel = _copy(_cookie_of(identity, canary_conf().is_cookie_secure, _signing_key()))
    dict.__setitem__(response.cookies, COOKIE, morsel)


@lru_cache(maxsize=4096)
def _cookie_of(identity: Identity, is_secure: bool, key: bytes) -> "Morsel[str]":
    # Without padding: an "=" would make Python put the whole value into quotes.
    encoded = base64.urlsafe_b64encode(identity.id.encode(errors="replace")).decode().rstrip("=")
    name = f"{identity.kind}.{encoded}"
    value = f"{name}.{_sign(name, key)}"
    morsel = _copy(_pattern_of(is_secure))
    morsel.set(COOKIE, value, value)
    return morsel


def _copy(morsel: "Morsel[str]") -> "Morsel[str]":
    """Copy a morsel as its own `copy` does, which first fills in values that are overwritten then."""
    copy: Morsel[str] = Morsel.__new__(Morsel)
    dict.update(copy, morsel)
    copy.__dict__.update(morsel.__dict__)
    return copy


@lru_cache(maxsize=2)
def _pattern_of(is_secure: bool) -> "Morsel[str]":
    carrier = HttpResponse()
    carrier.set_cookie(COOKIE, "x", max_age=COOKIE_AGE_S, path="/", secure=is_secure, httponly=True, samesite="Lax")
    morsel = carrier.cookies[COOKIE]
    morsel["expires"] = ""  # a date would be that of the first answer; Max-Age stands above it (RFC 6265 section 5.3)
    return morsel


def drop_cookie(response: HttpResponse) -> None:
    response.delete_cookie(COOKIE, path="/", samesite="Lax")


def _signing_key() -> bytes:
    return current_snapshot().cookie_key or secret_for("canary-cookie")


def _is_ours(name: str, signature: str) -> bool:
    """Return whether the key in force signed it, or the one from before any rollout was known."""
    given = signature.encode()
    if hmac.compare_digest(given, _sign(name, _signing_key()).encode()):
        return True
    return any(hmac.compare_digest(given, _sign(name, key).encode()) for key in secrets_for("canary-cookie"))


def _sign(name: str, secret: bytes) -> str:
    return blake2b(name.encode(errors="replace"), digest_size=16, key=secret).hexdigest()
