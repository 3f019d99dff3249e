"""The description of this API, its endpoints, and the response on every other path."""

import re
from functools import cache

from django.http import HttpResponse
from django.urls import URLPattern, get_resolver
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from api_v1.responses import JsonResponse
from api_v1.views.view import V1View


class InfoView(V1View):
    scopes = {"GET": None}

    def get(self, request: Request) -> HttpResponse:
        body = {
            "api_version": "v1",
            "endpoints": _endpoints(),
            "documentation": "/api/v1/openapi.json",
            "status": "stable",
        }
        return JsonResponse(body)


class NotFoundView(V1View):
    def admit(self, request: Request) -> None:
        """Raise NotFound, for every verb and every credential."""
        raise NotFound


@cache
def _endpoints() -> list[str]:
    """Return the endpoints, read from the routes, so that each exists: `GET /api/v1/posts/{uuid}`."""
    return [
        f"{method} /api/v1{re.sub(r'<str:(\w+)>', r'{\1}', str(pattern.pattern))}"
        for pattern in get_resolver("api_v1.urls").url_patterns
        if isinstance(pattern, URLPattern)
        for method in ("GET", "POST", "PUT", "DELETE")
        if hasattr(pattern.callback.cls, method.lower())  # type: ignore[attr-defined]
    ]
