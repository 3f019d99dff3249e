"""Authentication for both API versions: a credential becomes its user, or an error that each version words itself.

Three credentials open both versions: `Authorization: Bearer TOKEN`, `X-API-Key: KEY`, and the session of a browser that
signed in at the admin site. One query looks each up, and also shows whether it and its user still stand.
"""

import contextlib
import datetime
import logging
import uuid
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, logout
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.request import Request

from cms import clock
from cms.accounts.credentials import access_claims, raw_api_key
from cms.accounts.sessions import user_of_browser, user_of_browser_now
from cms.accounts.signing_in import opened_at
from cms.choices import Scope
from cms.errors import AmbiguousCredentials, CsrfRefused, InsufficientScope, InvalidToken, RateLimited
from cms.models import ApiKey, AuthSession, User
from cms.rate_limits import ANONYMOUS, CREDENTIAL, SITE_PREFIX, Quota, Standing, address_quota, network_of, take
from cms.services.api_keys import find_api_key, is_use_due, may_use, note_use
from cms.services.sessions import log_out, user_of_session
from cms.services.sign_in_events import note_browser_logout
from cms.tokens.access import Claims

logger = logging.getLogger(__name__)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_CREDENTIAL, _STANDING = "_tandem_credential", "_tandem_standing"


@dataclass(frozen=True)
class Credential:
    """The credential of a request: `request.auth` of REST framework's requests."""

    subject: str
    """The owner of the answers that are stored for an `Idempotency-Key`."""
    user_id: uuid.UUID
    """The user whom its rate limit counts by: all credentials of a user together."""
    claims: Claims | None = None
    api_key: ApiKey | None = field(default=None, repr=False)

    def reaches(self, scope: str) -> bool:
        """Return whether it may be used for `scope`: tokens and sessions may do everything their user may."""
        return self.api_key is None or may_use(self.api_key, Scope(scope))


class CredentialAuthentication(BaseAuthentication):
    """Refuse a bad token or key even where none is needed: its sender believes to be known.

    A view's `scopes` name, for each of its methods, the scope that an API key needs, or None where any key may; HEAD
    counts as GET. For a method without an entry, a key is refused if the method is unsafe, and else counts as nobody.
    """

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, Credential] | None:
        http_request: HttpRequest = request._request
        raw_key, is_authorized = raw_api_key(http_request), bool(http_request.META.get("HTTP_AUTHORIZATION"))
        if raw_key is not None and is_authorized:
            raise AmbiguousCredentials
        if raw_key is not None:
            return _by_api_key(http_request, raw_key, _scopes_of(request))
        return _by_token(http_request) if is_authorized else _by_browser_session(http_request)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def authenticate_again(request: Request) -> User | AnonymousUser:
    """Return who stands behind a request that is still answered, by one query; nobody if nobody has sent it.

    Raises InvalidToken, InvalidApiKey or InsufficientScope once the credential has ended.
    """
    http_request: HttpRequest = request._request
    credential = credential_of(http_request)
    if credential is None:
        return AnonymousUser()
    if credential.claims:
        return user_of_session(claims=credential.claims, now=clock.now())
    if credential.api_key:
        return _by_api_key(http_request, raw_api_key(http_request) or "", _scopes_of(request))[0]
    if (user := user_of_browser_now(http_request)) is None:
        raise InvalidToken
    return user


def sign_out(request: HttpRequest, now: datetime.datetime) -> None:
    """End the session behind the request's credential, and tell the canary to forget who it was."""
    credential = credential_of(request)
    if credential and credential.claims:
        log_out(claims=credential.claims, now=now)
    else:
        log_out_browser(request)
    request.is_signed_out = True  # type: ignore[attr-defined]


def log_out_browser(request: HttpRequest) -> None:
    """End the browser session of the request, and note it where there is one."""
    user = person_behind(request)
    logout(request)
    if user is not None:
        note_browser_logout(user)


def session_id_of(request: HttpRequest) -> uuid.UUID | None:
    """Return the API session of the request's access token; None for other credentials."""
    credential = credential_of(request)
    return credential.claims.session_id if credential and credential.claims else None


def signed_in_since(request: HttpRequest) -> datetime.datetime | None:
    """Return the time of the login that has opened the request's session. An API key has none."""
    credential = credential_of(request)
    if credential is None or credential.api_key:
        return None
    if credential.claims:
        return AuthSession.objects.values_list("created_at", flat=True).get(pk=credential.claims.session_id)
    session: Any = request.session
    return opened_at(session)


def keep_browser_session(request: HttpRequest, user: User) -> None:
    """Bind the request's browser session, if it has one, to what `user` is after a change that ends all the others.

    One that has ended meanwhile stays so, and the change stands.
    """
    credential = credential_of(request)
    if credential is None or credential.claims or credential.api_key:
        return
    with contextlib.suppress(SessionInterrupted):
        request.session.cycle_key()
        request.session[HASH_SESSION_KEY] = user.get_session_auth_hash()


def credential_of(request: HttpRequest) -> Credential | None:
    """Return the credential that authentication has found; None before it, and for anonymous requests."""
    found: Credential | None = getattr(request, _CREDENTIAL, None)
    return found


def known_user(request: HttpRequest) -> Any:
    """Return the user whom the view has let in, None when nobody has asked: asking now would cost a query."""
    user = request.__dict__.get("user")
    return request.__dict__.get("_cached_user") if type(user) is SimpleLazyObject else user


def person_behind(request: HttpRequest) -> User | None:
    """Return the account behind the request's credential, also where its API key was let in as nobody; no query."""
    credential = credential_of(request)
    if credential is None:
        return None
    if credential.api_key is not None:
        return credential.api_key.owner
    user = known_user(request)
    return user if isinstance(user, User) else None


def account_behind(request: HttpRequest) -> uuid.UUID | None:
    """Return the id of the account that has sent the request, by a credential or a page's session; no query."""
    if credential := credential_of(request):
        return credential.user_id
    user = known_user(request)
    return user.pk if isinstance(user, User) else None


def client_behind(request: HttpRequest, address: str | None) -> Hashable:
    """Return the account, if an admin has made it or given it a role, else the network; no query.

    Strangers make as many accounts as they like, and an IPv6 line has thousands of networks: those of a /48 are one.
    """
    user = person_behind(request) or known_user(request)
    if isinstance(user, User) and (user.is_vouched_for or user.is_staff):
        return user.pk
    return network_of(address, SITE_PREFIX) if address else None


def has_scope(request: HttpRequest, scope: str) -> bool:
    """Whether what the request was let in by may be used for `scope`; a key that nothing has looked up may for none."""
    credential = credential_of(request)
    return raw_api_key(request) is None if credential is None else credential.reaches(scope)


def count_request(request: HttpRequest, now: datetime.datetime) -> None:
    """Count the request against its user's rate limit, or its address's. Raises RateLimited.

    Called after authentication: only then is it known whether a key is one; a token is known by its signature. A
    request that the canary repeats to compare the versions is not the client's, and isn't counted. One that it repeats
    because the first version failed counts once.
    """
    if getattr(request, "is_shadow", False):
        return
    failed_run: Mapping[str, Any] = getattr(request, "failed_run", {})
    if _STANDING in failed_run:
        setattr(request, _STANDING, failed_run[_STANDING])
        return
    taken = take([_quota_of(request)], now)
    setattr(request, _STANDING, taken.standings[0] if taken.standings else None)
    if taken.retry_after_s:
        raise RateLimited("requests", taken.retry_after_s)


def standing_of(request: HttpRequest) -> Standing | None:
    """Return how the request's quota stands, None when it has none or wasn't counted."""
    standing: Standing | None = getattr(request, _STANDING, None)
    return standing


def note_use_after(response: HttpResponseBase, request: HttpRequest, now: datetime.datetime) -> None:
    """Note the use of an API key once `response` is sent, at most once a minute."""
    credential = credential_of(request)
    if credential is None or credential.api_key is None or not is_use_due(credential.api_key, now):
        return
    api_key = credential.api_key

    def note() -> None:
        try:
            note_use(api_key=api_key, now=now)
        except DatabaseError:
            logger.warning("The use of an API key couldn't be noted", exc_info=True)

    # Django closes these after the last byte, before its connections.
    response._resource_closers.append(note)  # type: ignore[attr-defined]


def _by_token(request: HttpRequest) -> tuple[User, Credential]:
    claims = access_claims(request)
    if claims is None:
        raise InvalidToken("The only supported scheme of Authorization is Bearer.")
    return user_of_session(claims=claims, now=clock.now()), _keep(request, _of_token(claims))


def _by_api_key(
    request: HttpRequest, raw_key: str, scopes: Mapping[str, str | None]
) -> tuple[User | AnonymousUser, Credential]:
    api_key = find_api_key(raw_key=raw_key, now=clock.now())
    credential = _keep(request, Credential(f"key:{api_key.pk}", api_key.owner_id, api_key=api_key))
    method = "GET" if request.method == "HEAD" else str(request.method)
    if method not in scopes:
        if method not in SAFE_METHODS:
            raise InsufficientScope(None)
        return AnonymousUser(), credential
    scope = scopes[method]
    if scope is not None and not credential.reaches(scope):
        raise InsufficientScope(scope)
    return api_key.owner, credential


def _by_browser_session(request: HttpRequest) -> tuple[User, Credential] | None:
    """An old or unknown session is none: browsers send their cookies without being asked."""
    user = user_of_browser(request)
    if user is None:
        return None
    credential = _keep(request, Credential(f"browser:{user.pk}", user.pk))
    if request.method not in SAFE_METHODS:
        _refuse_forgery(request)
    return user, credential


def _refuse_forgery(request: HttpRequest) -> None:
    check = CSRFCheck(lambda _: None)  # type: ignore[arg-type]
    check.process_request(request)
    reason = check.process_view(request, None, (), {})  # type: ignore[arg-type]
    if reason:
        raise CsrfRefused(f"CSRF check failed: {reason}")


def _scopes_of(request: Request) -> Mapping[str, str | None]:
    scopes: Mapping[str, str | None] = getattr(request.parser_context["view"], "scopes", {})
    return scopes


def _keep(request: HttpRequest, credential: Credential) -> Credential:
    setattr(request, _CREDENTIAL, credential)
    return credential


def _of_token(claims: Claims) -> Credential:
    return Credential(f"session:{claims.session_id}", claims.user_id, claims=claims)


def _quota_of(request: HttpRequest) -> Quota | None:
    credential = credential_of(request) or _signed_credential(request)
    if credential:
        return Quota(CREDENTIAL, str(credential.user_id))
    address: Any = request.META.get("REMOTE_ADDR")
    return address_quota(ANONYMOUS, address)


def _signed_credential(request: HttpRequest) -> Credential | None:
    """Return the credential of a token that nothing has looked up: it is ours all the same."""
    if "HTTP_AUTHORIZATION" not in request.META:  # most requests, and asked of each
        return None
    try:
        claims = access_claims(request)
    except InvalidToken:
        return None
    return _of_token(claims) if claims else None
