"""The entry point of the API, and the response for every unknown path."""

import datetime
import sys
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.utils.encoding import escape_uri_path
from rest_framework.request import Request

from api_v2.errors import not_found, problem_of
from api_v2.responses import problem_response, with_limits
from api_v2.views.api_view import API_VERSION, ApiView
from cms import clock
from cms.accounts.authentication import count_request
from cms.errors import RateLimited
from cms.http.unavailable import is_unavailable

LINKS: Final = {
    "self": "",
    "posts": "/posts",
    "tags": "/tags",
    "categories": "/categories",
    "category_tree": "/categories/tree",
    "users": "/users",
    "me": "/me",
    "token": "/auth/token",
    "token_refresh": "/auth/token/refresh",
    "logout": "/auth/logout",
    "search": "/search",
    "feed": "/feed.atom",
    "sitemap": "/sitemap.xml",
    "openapi": "/openapi.json",
    "docs": "/docs",
    "changelog": "/changelog",
    "password_reset": "/auth/password-reset",
    "verify_email": "/auth/verify-email",
    "media": "/media",
    "api_keys": "/api-keys",
    "sessions": "/me/sessions",
    "webhooks": "/webhooks",
    "audit": "/audit",
}


class IndexView(ApiView):
    scopes = {"GET": None}

    def get(self, request: Request) -> HttpResponse:
        links = {name: f"{self.viewer.base}{path}" for name, path in LINKS.items()}
        return self.answer({"api_version": API_VERSION, "links": links})


class MissingView(ApiView):
    def admit(self, request: Request, now: datetime.datetime) -> None:
        """Raise the problem, for every verb and every credential."""
        raise not_found(f"There is no such path in API v2.{_hint(request.path_info)}")


def _hint(path: str) -> str:
    """Return a sentence about the same path without slashes at its end, if there is one."""
    bare = path.rstrip("/")
    if bare == path or _route_of(bare) in (None, missing):
        return ""
    return f" Its paths have no slash at the end: ask for {escape_uri_path(bare)}"


def _route_of(path: str) -> object:
    try:
        return resolve(path).func
    except Resolver404:
        return None


missing = MissingView.as_view()


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django refuses before any view, such as one with an unknown host."""
    problem = problem_of(exception, is_anonymous=True)
    try:
        count_request(request, clock.now())
    except RateLimited as error:
        problem = problem_of(error, is_anonymous=True)
    return with_limits(request, problem_response(request, problem))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an error outside the views; Django logs it. It counts nothing: counting may be what failed."""
    error = sys.exc_info()[1]
    shown = error if isinstance(error, Exception) and is_unavailable(error) else Exception()
    return with_limits(request, problem_response(request, problem_of(shown, is_anonymous=True)))
