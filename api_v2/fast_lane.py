"""The fast lane: answers from memory, given before Django looks for a view.

`cms/wsgi.py` puts it in front of Django by its dotted name. Without that line Django answers the same requests in the
same way and more slowly: `tests/api_v2/test_fast_lane.py` sends thousands both ways.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import request_started
from django.http import HttpRequest, HttpResponse
from django.utils.log import log_response
from django.utils.module_loading import import_string

from api_v2.public_bodies.store import Body
from api_v2.views.public_view import answer_with, find_kept

type WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

BELOW: Final = "/api/v2/"
NOT_ANONYMOUS: Final = frozenset({"HTTP_COOKIE", "HTTP_AUTHORIZATION", "HTTP_X_API_KEY"})
FOR_PAGES: Final = frozenset(
    {
        "whitenoise.middleware.WhiteNoiseMiddleware",
        "cms.http.browser_middleware.CommonMiddleware",
        "cms.http.browser_middleware.ContentSecurityPolicyMiddleware",
        "cms.http.browser_middleware.PreferencesMiddleware",
        "cms.http.browser_middleware.FormSizeMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    }
)
"""Middleware that does nothing to a read of v2 without a cookie. All other in MIDDLEWARE runs, in its order."""


class Resolved(NamedTuple):
    """The part of a ResolverMatch that logs and statistics read."""

    route: str


class FastLane:
    def __init__(self, application: WsgiApp) -> None:
        self._application = application
        self._answer = _within_middleware(_from_memory)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not (environ.get("PATH_INFO", "").startswith(BELOW) and NOT_ANONYMOUS.isdisjoint(environ)):
            return self._application(environ, start_response)
        request: Any = WSGIRequest(environ.copy())  # it decodes the path in its place
        request.kept = find_kept(request)
        if request.kept is None:
            return self._application(environ, start_response)
        # From here on as WSGIHandler.__call__ and BaseHandler.get_response do.
        request_started.send(sender=type(self), environ=environ)
        response: HttpResponse = self._answer(request)
        if response.status_code >= 400:
            log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return response


def _from_memory(request: HttpRequest) -> HttpResponse:
    body: Body = request.kept  # type: ignore[attr-defined]
    request.resolver_match = Resolved(body.route)  # type: ignore[assignment]
    return answer_with(request, body)


def _within_middleware(answer: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    for name in reversed(settings.MIDDLEWARE):
        if name not in FOR_PAGES:
            try:
                answer = convert_exception_to_response(import_string(name)(answer))
            except MiddlewareNotUsed:
                continue
    return answer
