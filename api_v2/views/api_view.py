"""What every view of API v2 has: the order in which a request is checked, and one way to answer."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.http import http_date
from rest_framework.request import Request
from rest_framework.views import APIView

from api_v2.errors import Problem, problem_of
from api_v2.links import base_of
from api_v2.negotiation import is_json_accepted
from api_v2.pagination import Page
from api_v2.parsing import read_json
from api_v2.query import Query
from api_v2.responses import NEVER, VARY, json_response, limit_headers, problem_response, readable_response
from api_v2.serializers.shapes import Viewer, version_at
from cms import policy
from cms.authentication import CredentialAuthentication, count_request, credential_of, note_use_after, standing_of
from cms.errors import InsufficientScope
from cms.origin import set_api_version
from cms.policy import Actor

API_VERSION = 2


class ApiView(APIView):
    """Checked in this order: method, Accept, credentials, names of query parameters; then the handler's own."""

    authentication_classes = [CredentialAuthentication]
    scopes: ClassVar[Mapping[str, str | None]] = {}
    """What an API key needs for each method; see CredentialAuthentication."""
    parameters: ClassVar[Mapping[str, Sequence[str]]] = {}
    """The query parameters that each method knows; HEAD those of GET."""

    default_response_headers: ClassVar[dict[str, str]] = {}  # REST framework's are Allow on every answer, and Vary
    actor: Actor = AnonymousUser()
    viewer: Viewer
    query: Query
    http_request: HttpRequest

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Whatever a request is refused for, it counts; and too many of them is what is said first."""
        self.http_request = request._request
        set_api_version(API_VERSION)
        now = timezone.now()
        try:
            self.admit(request, now)
        finally:
            count_request(self.http_request, now)

    def admit(self, request: Request, now: datetime.datetime) -> None:
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method not in self.allowed_methods:
            self.http_method_not_allowed(request)
        if method == "OPTIONS":
            return
        if not is_json_accepted(self.http_request.META.get("HTTP_ACCEPT")):
            raise Problem("not_acceptable", "Answers are application/json, which the Accept header rules out.")
        self.actor = request.user
        self.query = Query(self.http_request.GET, self.parameters.get(method, ()))
        self.viewer = Viewer(self.actor, now, base_of(self.http_request))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        http_request = request._request
        if standing := standing_of(http_request):
            for name, value in limit_headers(standing).items():
                response.headers[name] = value
        note_use_after(response, http_request, timezone.now())
        return response

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        headers = {"Allow": self._allow(), "Cache-Control": NEVER, "Vary": VARY}
        response = HttpResponse(status=204, headers=headers)
        del response.headers["Content-Type"]
        return response

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        problem = problem_of(exc, is_anonymous=not policy.is_known(self.actor))
        headers = {"Allow": self._allow()} if problem.status == 405 else None
        return problem_response(self.request._request, problem, headers=headers, error=exc)

    @property
    def now(self) -> datetime.datetime:
        return self.viewer.now

    def require(self, may: Callable[[Actor], bool], sentence: str) -> None:
        """401 for those whom nobody knows, 403 for others who may not; before their body is looked at."""
        if may(self.actor):
            return
        if not policy.is_known(self.actor) and credential_of(self.http_request):
            raise InsufficientScope(None)
        if policy.is_known(self.actor):
            raise Problem("permission_denied", sentence)
        raise Problem("authentication_required", f"{sentence} Send an access token as Authorization: Bearer TOKEN.")

    def body(self) -> Any:
        return read_json(self.http_request)

    def answer(
        self, data: Any, *, changed_at: datetime.datetime | None = None, version: int | None = None
    ) -> HttpResponse:
        """What a GET gives, with its validators, or a 304. A list has no `changed_at`, and few rows a `version`."""
        if version is None:
            version = 0 if changed_at is None else version_at(changed_at)
        is_public = not policy.is_known(self.actor)
        response = readable_response(self.http_request, data, version=version, is_public=is_public)
        if changed_at is not None:
            response.headers["Last-Modified"] = http_date(changed_at.timestamp())
        return response

    def answer_page(self, page: Page, data: list[Any], **more: Any) -> HttpResponse:
        response = self.answer({"data": data, "page": page.as_json(), **more})
        if link := page.link_header():
            response.headers["Link"] = link
        return response

    def answer_once(self, data: Any, *, status: int = 200, location: str | None = None) -> HttpResponse:
        """What a POST gives: nothing that anybody may keep."""
        response = json_response(self.http_request, data, status=status)
        if location:
            response.headers["Location"] = location
        return response

    def answer_nothing(self) -> HttpResponse:
        response = HttpResponse(status=204, headers={"Cache-Control": NEVER, "Vary": VARY})
        del response.headers["Content-Type"]
        return response

    def _allow(self) -> str:
        return ", ".join(self.allowed_methods)
