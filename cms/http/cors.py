"""Which pages of other origins may read the APIs (CORS, as the Fetch standard has it): those of `CORS_ALLOWED_ORIGINS`.

Stands before the canary, so that a preflight is answered without a version, and a refusal of any layer is readable too.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from cms.http.middleware import APIS

GetResponse = Callable[[HttpRequest], HttpResponse]

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
REQUEST_HEADERS: Final = (
    *("Authorization", "X-API-Key", "X-CSRFToken", "Content-Type", "Accept", "Accept-Language"),
    *("Idempotency-Key", "If-Match", "If-None-Match", "API-Version", "X-Client-Id"),
    *("X-Request-ID", "traceparent", "tracestate"),
)
EXPOSED_HEADERS: Final = (
    *("API-Version", "ETag", "Link", "Location", "Content-Location", "Deprecation", "Sunset", "Retry-After"),
    *("RateLimit", "RateLimit-Policy", "Idempotency-Replayed", "X-Request-ID"),
)
PREFLIGHT_AGE_S: Final = 600


class CorsMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.allowed = _pattern_of(settings.CORS_ALLOWED_ORIGINS)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self.allowed is None or not APIS.match(request.path_info):
            return self.get_response(request)
        origin = request.META.get("HTTP_ORIGIN", "")
        is_allowed = self.allowed.fullmatch(origin) is not None
        if is_allowed and request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.META:
            response = _preflight()
        else:
            response = self.get_response(request)
        patch_vary_headers(response, ["Origin"])  # for other origins too: what they get isn't to be given to this one
        if is_allowed:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Credentials"] = "true"
            response.headers["Access-Control-Expose-Headers"] = ", ".join(EXPOSED_HEADERS)
        return response


def _preflight() -> HttpResponse:
    headers = {
        "Access-Control-Allow-Methods": ", ".join(METHODS),
        "Access-Control-Allow-Headers": ", ".join(REQUEST_HEADERS),
        "Access-Control-Max-Age": str(PREFLIGHT_AGE_S),
        "Cache-Control": "no-store",
        "Vary": "Access-Control-Request-Method, Access-Control-Request-Headers",
    }
    response = HttpResponse(status=204, headers=headers)
    del response.headers["Content-Type"]
    return response


def _pattern_of(origins: Iterable[str]) -> re.Pattern[str] | None:
    """`*.` stands for one or more names; None when no origin is allowed. Browsers write origins in lower case."""
    parts = [re.escape(origin.lower()).replace(r"\*\.", r"(?:[a-z0-9-]+\.)+") for origin in origins]
    return re.compile("|".join(parts)) if parts else None
