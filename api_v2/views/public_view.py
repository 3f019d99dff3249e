"""Views whose responses to anonymous readers are kept: from a request to a finished body, without REST framework."""

import datetime
import time
from sys import intern
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch

from api_v2.errors import problem_of
from api_v2.public_bodies.store import ENTRY_BYTES_MAX, OUTAGE_AGE_MAX_S, Body, Key, PublicBodies
from api_v2.public_bodies.turns import Turns
from api_v2.responses import PUBLIC, WholeResponse, is_match, problem_response, with_limits
from api_v2.views.api_view import ApiView
from cms import clock
from cms.accounts.authentication import count_request
from cms.costs.turns import Busy
from cms.errors import RateLimited
from cms.generations import current_generation, generation_in_outage, still_since

KEPT_HEADERS: Final = (
    *("Content-Type", "Content-Length", "Cache-Control", "Vary", "ETag", "Last-Modified", "Link"),
    "Content-Security-Policy",
)
MEGABYTE: Final = 1024 * 1024
NEVER_ENDS: Final = float("inf")
BODIES: Final = PublicBodies()
TURNS: Final = Turns()


class PublicView(ApiView):
    """An ApiView whose GET is the same for all anonymous readers, until the content changes or an instant comes.

    Its handler calls `keep_until` for the content that it read, and a 200 is kept; without that call nothing is.
    `key_of` holds every input of the response other than the content.
    """

    _ends_at: float | None = None
    _read_at = 0.0

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        compute = super().dispatch
        if not _is_for_anybody(request):
            return compute(request, *args, **kwargs)
        key, generation = key_of(request), current_generation()
        if generation is None:
            response = compute(request, *args, **kwargs)
            return (_kept_in_outage(request, key) if response.status_code == 503 else None) or response
        if kept := _kept_at(key, generation):
            return answer_with(request, kept)
        try:
            with TURNS.turn(key) as is_first:
                if not is_first:
                    generation = current_generation()
                    if generation and (kept := _kept_at(key, generation)):
                        return answer_with(request, kept)
                self._read_at = time.monotonic()
                response = compute(request, *args, **kwargs)
                if response.status_code == 503:
                    return _kept_in_outage(request, key) or response
                self._keep(key, generation, response, request.resolver_match)
        except Busy as error:
            return problem_response(request, problem_of(error, is_anonymous=True), error=error)
        return response

    def _keep(self, key: Key, generation: int | None, response: HttpResponseBase, match: ResolverMatch | None) -> None:
        made = self._body_of(response, match.route if match else "")
        if made and generation:
            BODIES.keep(key, generation, made, settings.PUBLIC_CACHE_MB * MEGABYTE)
        elif not made and response.status_code != 429:
            BODIES.forget(key)

    def keep_until(self, *instants: datetime.datetime | None) -> None:
        """Let the response be kept until the first of these instants, which changes it; None is never."""
        self._ends_at = min((instant.timestamp() for instant in instants if instant), default=NEVER_ENDS)

    def _body_of(self, response: HttpResponseBase, route: str) -> Body | None:
        """Return the part of the response that is the same for everybody; None if it may not be kept."""
        if self._ends_at is None or not isinstance(response, WholeResponse) or response.status_code not in (200, 304):
            return None
        if response.headers["Cache-Control"] != PUBLIC or response.cookies:
            return None
        if len(response.whole) > ENTRY_BYTES_MAX:
            return None
        headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        # Copied: orjson's bytes stand in a block that is several times as long.
        return Body(bytes(memoryview(response.whole)), headers, self._ends_at, self._read_at, intern(route))


def key_of(request: HttpRequest) -> Key:
    """Return the address as it was requested: paths and page links in a response follow its spelling. HEAD has GET's.

    The text of Accept belongs to it: Accept is checked once, when the body is made.
    """
    meta = request.META
    return (
        *(request.scheme, meta.get("HTTP_HOST"), meta.get("SERVER_PORT"), request.path_info),
        *(meta.get("QUERY_STRING"), meta.get("HTTP_ACCEPT")),
    )


def _is_for_anybody(request: HttpRequest) -> bool:
    """Return whether a kept body may be used: never for known readers or other methods, nor with the cache off."""
    meta = request.META
    if request.method not in ("GET", "HEAD") or "HTTP_AUTHORIZATION" in meta or "HTTP_X_API_KEY" in meta:
        return False
    if meta.get("HTTP_COOKIE") and settings.SESSION_COOKIE_NAME in request.COOKIES:
        return False
    return bool(settings.PUBLIC_CACHE_MB)


def find_kept(request: HttpRequest) -> Body | None:
    """Return a kept body that answers the request, None without one."""
    generation = current_generation() if _is_for_anybody(request) else None
    return None if generation is None else _kept_at(key_of(request), generation)


def _kept_at(key: Key, generation: int) -> Body | None:
    return BODIES.find(key, generation, clock.now().timestamp(), still_since=still_since())


def answer_with(request: HttpRequest, body: Body) -> HttpResponse:
    """Return the response with a kept body. It counts against the rate limit as any other does."""
    try:
        count_request(request, clock.now())
    except RateLimited as error:
        response = problem_response(request, problem_of(error, is_anonymous=True))
    else:
        response = _response_of(request, body)
    return with_limits(request, response)


def _kept_in_outage(request: HttpRequest, key: Key) -> HttpResponse | None:
    """Return the stored response even though it has expired, because a fresh one cannot be built during the outage.

    The request has been counted.
    """
    generation = generation_in_outage() if key in BODIES else None
    if generation is None:
        return None
    body = BODIES.find(key, generation, clock.now().timestamp(), age_max_s=OUTAGE_AGE_MAX_S)
    return with_limits(request, _response_of(request, body)) if body else None


def _response_of(request: HttpRequest, body: Body) -> HttpResponse:
    is_known = is_match(request.META.get("HTTP_IF_NONE_MATCH"), body.headers.get("ETag", ""))
    is_bare = is_known or request.method == "HEAD"
    content, content_type = b"" if is_bare else body.content, body.headers["Content-Type"]
    response = HttpResponse(content, status=304 if is_known else None, content_type=content_type)
    for name, value in body.headers.items():
        response.headers[name] = value
    return response
