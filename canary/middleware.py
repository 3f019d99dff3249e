"""The dispatcher: decides which version's URLconf answers a request under the entrance, and says so in its headers.

Thin glue around `canary.core.routing`. Whatever breaks in here, the request is answered by the stable version.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from django.contrib.auth import SESSION_KEY, get_user
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_resolver

from canary.conf import canary_conf
from canary.core.routing import choose, choose_pinned, stable_version
from canary.core.values import Decision, Identity, Refusal
from canary.faults import faults
from canary.identity import drop_cookie, identify, read_cookie, write_cookie
from canary.problems import problem_response
from canary.store import current_snapshot

GetResponse = Callable[[HttpRequest], HttpResponse]

VERSION_SEGMENT = re.compile(r"/v([0-9]+)(?=/|\Z)", re.ASCII)
VARY: Final = ("API-Version", "Authorization", "X-API-Key", "X-Client-Id", "Cookie")
ENTRANCE_CACHE_CONTROL: Final = "private, no-cache"


class Route(NamedTuple):
    """How a request is answered. `is_entrance` tells the split paths from those that name their version."""

    answer: Decision | Refusal
    is_entrance: bool


class CanaryMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        entrance = canary_conf().entrance
        if not (request.path_info.startswith(f"{entrance}/") or request.path_info == entrance):
            response = self.get_response(request)
            return _guarded(_follow_session, request, response) or response
        route = self._route(request)
        if isinstance(route.answer, Refusal):
            response = problem_response(route.answer, request)
        else:
            request.canary = route.answer  # type: ignore[attr-defined]
            request.urlconf = canary_conf().arms[route.answer.api_version]
            response = _refuse_host(request) or self.get_response(request)
        return _guarded(_finish, request, response, route) or response

    @staticmethod
    def _route(request: HttpRequest) -> Route:
        """Never raises: a fault leads to the stable version, as if the path had been split."""
        is_entrance, pinned = True, None
        try:
            if match := VERSION_SEGMENT.match(request.path_info, len(canary_conf().entrance)):
                is_entrance, pinned = False, match.group(1)
            return Route(_decide(request, pinned), is_entrance)
        except Exception as error:
            faults.record(error)
            return Route(_decide_on_fault(pinned), is_entrance)


def _refuse_host(request: HttpRequest) -> HttpResponse | None:
    """The chosen version's own answer to a Host that isn't served; None for one that is.

    Asked here because Django asks before it knows the URLconf, and would answer with a page.
    """
    try:
        request.get_host()
    except DisallowedHost as error:
        handler = get_resolver(request.urlconf).resolve_error_handler(400)
        response: HttpResponse = handler(request, exception=error)  # type: ignore[call-arg]
        return response
    return None


def _decide(request: HttpRequest, pinned: str | None) -> Decision | Refusal:
    snapshot = current_snapshot()
    if pinned is not None:
        # Only "1" and "2" name a version: not "01", and not a number too long to be worth parsing.
        return choose_pinned(int(pinned) if len(pinned) == 1 else 0, snapshot)
    requested = request.META.get("HTTP_API_VERSION", "").strip() or None
    return choose(identify(request), requested, snapshot)


def _decide_on_fault(pinned: str | None) -> Decision:
    try:
        stable = stable_version(current_snapshot())
    except Exception as error:
        faults.record(error)
        stable = stable_version(None)
    return Decision(int(pinned) if pinned in ("1", "2") else stable, "fault")


def _guarded(
    step: Callable[..., HttpResponse], request: HttpRequest, response: HttpResponse, *rest: Route
) -> HttpResponse | None:
    """The step's result, None when it failed: a response that is ready is sent, whatever happens around it."""
    try:
        return step(request, response, *rest)
    except Exception as error:
        faults.record(error)
        return None


def _finish(request: HttpRequest, response: HttpResponse, route: Route) -> HttpResponse:
    if isinstance(route.answer, Decision):
        response.headers["API-Version"] = str(route.answer.api_version)
    if getattr(request, "is_signed_out", False):
        drop_cookie(response)
    if not route.is_entrance:
        return response
    response.headers["Cache-Control"] = ENTRANCE_CACHE_CONTROL
    _vary(response)
    if isinstance(route.answer, Decision):
        _describe(request, response, route.answer)
    return response


def _describe(request: HttpRequest, response: HttpResponse, decision: Decision) -> None:
    """What the entrance tells of its decision: the pinned address, the identity for the next time, the reason."""
    if request.method in ("GET", "HEAD"):
        entrance = canary_conf().entrance
        rest = request.get_full_path_info()[len(entrance) :]
        response.headers["Content-Location"] = f"{entrance}/v{decision.api_version}{rest}"
    identity = decision.identity
    if identity is not None and identity != read_cookie(request) and not getattr(request, "is_signed_out", False):
        write_cookie(response, identity)
    if request.META.get("HTTP_X_CANARY_DEBUG") == "1" and _may_view(request):
        response.headers["X-Canary-Reason"] = decision.reason
        if decision.bucket is not None:
            response.headers["X-Canary-Bucket"] = str(decision.bucket)


def _may_view(request: HttpRequest) -> bool:
    """Whether the request's user, or else the one of its session, may see how the canary decides."""
    user = request.user
    if not user.is_authenticated and hasattr(request, "session"):
        user = get_user(request)  # REST framework puts its own anonymous user in the place of the session's
    return user.has_perm("canary.view")


def _vary(response: HttpResponseBase) -> None:
    present = [name.strip() for name in response.headers.get("Vary", "").split(",") if name.strip()]
    known = {name.lower() for name in VARY}
    response.headers["Vary"] = ", ".join([*VARY, *(name for name in present if name.lower() not in known)])


def _follow_session(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """A login by session makes the user the cookie's identity, a logout drops it. Reads nothing that isn't loaded."""
    session = getattr(request, "session", None)
    if session is None or not session.modified:
        return response
    user_id = session.get(SESSION_KEY)
    carried = read_cookie(request)
    if user_id is not None and carried != Identity("user", str(user_id)):
        write_cookie(response, Identity("user", str(user_id)))
    elif user_id is None and carried is not None and carried.kind == "user" and session.is_empty():
        drop_cookie(response)
    return response
