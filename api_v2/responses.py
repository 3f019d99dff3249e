"""Responses as bytes: JSON, problem details, validators (RFC 9110 section 8.8) and the headers of every response."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

import orjson
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.encoding import escape_uri_path
from django.utils.log import log_response

from api_v2.errors import Problem
from cms.accounts.authentication import standing_of
from cms.http.unavailable import is_known_outage, mark_away

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"
# Anyone's cache may keep a public body, but asks before each use: a change is seen at once.
PUBLIC: Final = "public, max-age=0, must-revalidate"
PRIVATE: Final = "private, no-cache"
NEVER: Final = "no-store"
VARY: Final = "Accept, Authorization, X-API-Key, Cookie"
_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')


class WholeResponse(HttpResponse):
    """An answer to HEAD and a 304 leave their body out; here it is all the same."""

    whole: bytes = b""


def json_response(
    request: HttpRequest, data: Any, *, status: int = 200, cache_control: str = NEVER, content_type: str = JSON
) -> HttpResponse:
    """Return `data` as JSON; for HEAD the same headers without it."""
    return body_response(
        request, orjson.dumps(data), status=status, cache_control=cache_control, content_type=content_type
    )


def body_response(
    request: HttpRequest, body: bytes, *, status: int = 200, cache_control: str, content_type: str = JSON
) -> HttpResponse:
    is_bare = request.method == "HEAD" or status == 304  # the length is still the one of the body left out
    response = WholeResponse(b"" if is_bare else body, status=status, content_type=content_type)
    response.whole = body
    response.headers["Content-Length"] = str(len(body))
    response.headers["Cache-Control"] = cache_control
    response.headers["Vary"] = VARY
    return response


def readable_response(
    request: HttpRequest, body: bytes, *, version: int, is_public: bool, content_type: str = JSON
) -> HttpResponse:
    """Return a 200 with its strong ETag, or the 304 for a client that has these bytes already."""
    etag = etag_of(body, version)
    cache_control = PUBLIC if is_public else PRIVATE
    is_known = is_match(request.META.get("HTTP_IF_NONE_MATCH"), etag)
    status = 304 if is_known else 200
    response = body_response(request, body, status=status, cache_control=cache_control, content_type=content_type)
    response.headers["ETag"] = etag
    return response


def etag_of(body: bytes, version: int) -> str:
    """Return the strong tag of these very bytes. `If-Match` reads only the version, the same for every reader."""
    return f'"{version}-{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def is_match(if_none_match: str | None, etag: str) -> bool:
    """Compare weakly (RFC 9110 section 13.1.2): a proxy's `W/` before the tag doesn't matter."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in _ENTITY_TAG.findall(if_none_match)


def with_limits[R: HttpResponseBase](request: HttpRequest, response: R) -> R:
    """Add the quota and the rest of it (draft-ietf-httpapi-ratelimit-headers, structured fields), if it was counted."""
    if standing := standing_of(request):
        response.headers["RateLimit-Policy"] = f'"{standing.name}";q={standing.limit};w={standing.window_s}'
        response.headers["RateLimit"] = f'"{standing.name}";r={standing.remaining};t={standing.reset_s}'
    return response


def problem_response(
    request: HttpRequest, problem: Problem, *, headers: Mapping[str, str] | None = None, error: Exception | None = None
) -> HttpResponse:
    """Return a problem. `error` is the cause if it is the server's fault; it is logged here, once, with its traceback.

    Except for an outage, which has been logged when it began.
    """
    instance = escape_uri_path(request.path)
    data = problem.as_json(instance, getattr(request, "request_id", ""))
    response = json_response(request, data, status=problem.status, content_type=PROBLEM_JSON)
    if problem.status == 401:
        is_bad_token = problem.code == "invalid_token"
        response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if is_bad_token else "Bearer"
    for name, value in {**problem.headers, **(headers or {})}.items():
        response.headers[name] = value
    if problem.status >= 500:
        mark_away(response, error)
        error = None if is_known_outage(error) else error
        request_id = data["request_id"]
        log_response("%s (request %s)", request.path, request_id, response=response, request=request, exception=error)
    return response
