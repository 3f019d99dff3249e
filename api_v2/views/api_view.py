"""The base of every view of API v2: the order in which a request is checked, and one way to respond."""

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property, partial
from typing import Any, ClassVar, Final

import orjson
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.http import http_date
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.views import APIView

from api_v2.browsing import PAGE_BYTES_MAX, PAGE_POLICY, page_of
from api_v2.conditions import IfMatch, precondition_failed, precondition_required, read_if_match, version_of
from api_v2.errors import Problem, problem_of
from api_v2.idempotency import attempt, kept_of, read_key, repeatable, written
from api_v2.links import base_of
from api_v2.negotiation import HTML, JSON, is_accepted, is_browser
from api_v2.pagination import Page
from api_v2.parsing import MEDIA_TYPES, PATCH_MEDIA_TYPES, read_json
from api_v2.query import Query
from api_v2.responses import (
    NEVER,
    VARY,
    etag_of,
    json_response,
    problem_response,
    readable_response,
    with_limits,
)
from api_v2.serializers.shapes import Viewer, version_at
from cms import clock, policy
from cms.accounts.authentication import (
    CredentialAuthentication,
    count_request,
    credential_of,
    note_use_after,
)
from cms.choices import Scope
from cms.costs.bodies import BYTES_MAX, refuse_larger
from cms.errors import CmsError, InsufficientScope, VersionConflict
from cms.policy import Actor
from cms.services.idempotency import Answer, perform_once
from cms.services.locks import lock_row
from cms.services.origin import set_api_version

API_VERSION = 2
_POST = "post"
CHANGES: Final = ("PATCH", "DELETE")
"""The methods that REQUIRE_IF_MATCH is about: an action names the new state itself."""


class ApiView(APIView):
    """Check in this order: method, Accept, credentials, names of query parameters; then the handler's own checks.

    Every handler gets, without a line of its own:

    - a POST with `Idempotency-Key` runs in one transaction with the storing of its response (2xx and short 4xx; a
      refusal leaves nothing else behind), and its repetition gets the stored response; see `is_replayable`;
    - `body()` reads JSON, for a PATCH also `application/merge-patch+json` (RFC 7396: an absent member stays, null
      removes), or refuses with 415;
    - VersionConflict is a 409, and a 412 when the request had `If-Match`; a 412 carries the current ETag.

    A handler that changes a row does this, once it has found the row and the caller's right to it:
    `with self.unchanged(row): row = update_something(actor=self.actor, …)`, and for a PATCH
    `return self.answer_once(data, version=row.version)` (or `changed_at=row.updated_at`, for rows without a version).
    """

    authentication_classes = [CredentialAuthentication]
    scopes: ClassVar[Mapping[str, str | None]] = {}
    """The scope that an API key needs for each method; see CredentialAuthentication."""
    open_methods: ClassVar[Sequence[str]] = ()
    """Methods that read no credential, though others of the path do: an expired one may be sent along."""
    parameters: ClassVar[Mapping[str, Sequence[str]]] = {}
    """The query parameters that each method accepts; HEAD accepts those of GET."""
    media_type: ClassVar[str] = JSON
    """The media type of its GET; errors are problem details in any case."""

    body_bytes_max: ClassVar[int] = BYTES_MAX
    """The largest body that it takes."""
    takes_parts: ClassVar[bool] = False
    """Whether a body may be multipart/form-data."""
    is_replayable: ClassVar[bool] = True
    """False where the response to a POST is a secret, which may not be stored: it ignores Idempotency-Key."""
    takes_strangers: ClassVar[bool] = False
    """Whether a POST can be done without a credential."""
    secret_members: ClassVar[Sequence[str]] = ()
    """Members that a POST's response contains once: they are null when it is sent again."""
    resource: "ClassVar[type[ApiView] | None]" = None
    """For a view of actions: the view whose GET shows what they change, by the same arguments; see `current_etag`."""

    default_response_headers: ClassVar[dict[str, str]] = {}  # REST framework's are Allow on every answer, and Vary
    has_changed_nothing = False
    """Set by a POST that succeeded and changed nothing: its answer is not stored, a repetition is judged again."""
    actor: Actor = AnonymousUser()
    viewer: Viewer
    query: Query
    http_request: HttpRequest

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [] if self.request.method in self.open_methods else super().get_authenticators()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Admit and count the request: every refusal counts, and the refusal of too many requests comes first."""
        self.http_request = request._request
        set_api_version(API_VERSION)
        now = clock.now()
        try:
            self.admit(request, now)
        finally:
            count_request(self.http_request, now)
        if request.method != "POST" or not self.is_replayable or (key := read_key(self.http_request)) is None:
            return
        # The handler refuses others before their body is read, and no such refusal is stored.
        if self.takes_strangers or policy.is_known(self.actor):
            # In the place of the handler, which REST framework is about to look up by this name.
            vars(self)[_POST] = partial(self.answer_repeatably, key, getattr(self, _POST))

    def answer_repeatably(
        self, key: str, perform: Callable[..., HttpResponse], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Return the response of `perform`, the handler, or its earlier response to the same request."""
        refuse_larger(self.http_request, self.body_bytes_max)
        answer, is_replayed = perform_once(
            actor=self.actor,
            request=repeatable(self.http_request, key, takes_parts=self.takes_parts),
            perform=lambda: attempt(partial(perform, *args, **kwargs), self.handle_exception),
            kept_of=self._kept_of,
            now=self.now,
            ahead=self.ahead,
        )
        return written(answer, is_replayed=is_replayed)

    def _kept_of(self, answer: Answer) -> Answer | None:
        if self.has_changed_nothing:
            return None
        return kept_of(answer, self.secret_members, actor=self.actor, now=self.now)

    def ahead(self) -> AbstractContextManager[Any]:
        """Surround the transaction of a POST with a key: slow work is done as it begins, as without a key.

        A request that the handler refuses is left alone: its answer is the handler's.
        """
        return nullcontext()

    def admit(self, request: Request, now: datetime.datetime) -> None:
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method not in self.allowed_methods:
            self.http_method_not_allowed(request)
        if method == "OPTIONS":
            return
        if not self.is_acceptable():
            raise Problem("not_acceptable", f"Answers are {self.media_type}, which the Accept header rules out.")
        self.actor = request.user
        self.query = Query(self.http_request.GET, self.parameters.get(method, ()))
        credential = credential_of(self.http_request)
        is_writer = credential is None or credential.reaches(Scope.POSTS_WRITE)
        self.viewer = Viewer(self.actor, now, base_of(self.http_request), is_writer)

    def is_acceptable(self) -> bool:
        """Return whether the client accepts the media type of its GET."""
        return is_accepted(self.http_request.META.get("HTTP_ACCEPT"), self.media_type)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        note_use_after(response, request._request, clock.now())
        return with_limits(request._request, response)

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        response = self.answer_nothing()
        response.headers["Allow"] = ", ".join(self.allowed_methods)
        if "PATCH" in self.allowed_methods:
            response.headers["Accept-Patch"] = ", ".join(PATCH_MEDIA_TYPES)  # RFC 5789 section 3.1
        return response

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        problem, headers = self._problem_of(exc), {}
        if problem.status == 405:
            headers["Allow"] = ", ".join(self.allowed_methods)
        if problem.status == 412 and (etag := self.current_etag()):
            headers["ETag"] = etag
        return problem_response(self.request._request, problem, headers=headers, error=exc)

    def _problem_of(self, error: Exception) -> Problem:
        if isinstance(error, VersionConflict) and self.if_match:
            return precondition_failed(error.current)
        return problem_of(error, is_anonymous=not policy.is_known(self.actor))

    @property
    def now(self) -> datetime.datetime:
        return self.viewer.now

    def require(self, may: Callable[[Actor], bool], sentence: str) -> None:
        """Refuse unknown callers by 401, and others without the right by 403, before their body is read."""
        if may(self.actor):
            return
        if not policy.is_known(self.actor) and credential_of(self.http_request):
            raise InsufficientScope(None)
        if policy.is_known(self.actor):
            raise Problem("permission_denied", sentence)
        raise Problem("authentication_required", f"{sentence} Send an access token as Authorization: Bearer TOKEN.")

    def body(self) -> Any:
        """Return the value of the JSON body; for a PATCH it is a merge patch under either media type."""
        refuse_larger(self.http_request, self.body_bytes_max)
        is_patch = self.http_request.method == "PATCH"
        return read_json(self.http_request, PATCH_MEDIA_TYPES if is_patch else MEDIA_TYPES)

    @cached_property
    def if_match(self) -> IfMatch | None:
        return read_if_match(self.http_request.META.get("HTTP_IF_MATCH"))

    @contextmanager
    def unchanged(self, row: Any, *, is_doomed: bool = False) -> Iterator[None]:
        """Wrap the change of `row`: a 412 unless its version is one of `If-Match`, if there is that header.

        The row is locked from the check of its version until the change is made, so that no other change comes between.
        With REQUIRE_IF_MATCH a PATCH or DELETE without the header is a 428.
        `is_doomed` declares that the row is about to be deleted, as in `lock_row`.
        """
        if self.if_match is None:
            if settings.REQUIRE_IF_MATCH and self.http_request.method in CHANGES:
                raise precondition_required()
            yield
            return
        with transaction.atomic():
            version = version_of(lock_row(row, is_doomed=is_doomed))
            if not self.if_match.admits(version):
                raise precondition_failed(version)
            yield

    def current_etag(self) -> str | None:
        """Return the ETag that a GET of the resource would have now; None when the caller would see nothing."""
        view = (self.resource or type(self))()
        view.request, view.http_request, view.query = self.request, self.http_request, Query(QueryDict(), ())
        view.actor, view.viewer = self.actor, self.viewer
        try:
            answer: HttpResponse = view.get(self.request, *self.args, **self.kwargs)  # type: ignore[attr-defined]
        except (Problem, CmsError):
            return None
        return answer.headers.get("ETag")

    def answer(
        self, data: Any, *, changed_at: datetime.datetime | None = None, version: int | None = None
    ) -> HttpResponse:
        """Return a GET's response with validators, or a 304. A list has no `changed_at`, and few rows a `version`."""
        written = orjson.dumps(data)
        if is_browser(self.http_request.META.get("HTTP_ACCEPT")) and len(written) <= PAGE_BYTES_MAX:
            html = page_of(self.http_request, self.viewer.base, written)
            return self.answer_html(html, changed_at=changed_at, version=version)
        return self.answer_bytes(written, JSON, changed_at=changed_at, version=version)

    def answer_html(
        self,
        html: bytes,
        security_policy: str = PAGE_POLICY,
        *,
        changed_at: datetime.datetime | None = None,
        version: int | None = None,
    ) -> HttpResponse:
        response = self.answer_bytes(html, f"{HTML}; charset=utf-8", changed_at=changed_at, version=version)
        response.headers["Content-Security-Policy"] = security_policy
        return response

    def answer_bytes(
        self,
        body: bytes,
        content_type: str,
        *,
        changed_at: datetime.datetime | None = None,
        version: int | None = None,
    ) -> HttpResponse:
        if version is None:
            version = 0 if changed_at is None else version_at(changed_at)
        is_public = not policy.is_known(self.actor)
        response = readable_response(
            self.http_request, body, version=version, is_public=is_public, content_type=content_type
        )
        if changed_at is not None:
            response.headers["Last-Modified"] = http_date(changed_at.timestamp())
        return response

    def answer_page(self, page: Page, data: list[Any], **more: Any) -> HttpResponse:
        response = self.answer({"data": data, "page": page.as_json(), **more})
        if link := page.link_header():
            response.headers["Link"] = link
        return response

    def answer_once(
        self,
        data: Any,
        *,
        status: int = 200,
        location: str | None = None,
        changed_at: datetime.datetime | None = None,
        version: int | None = None,
    ) -> HttpResponse:
        """Return a POST's or PATCH's response, which nobody may keep.

        A whole resource has the form and ETag of its GET, for the next `If-Match`.
        """
        response = json_response(self.http_request, data, status=status)
        if version is None and changed_at is not None:
            version = version_at(changed_at)
        if version is not None:
            response.headers["ETag"] = etag_of(response.content, version)
        if changed_at is not None:
            response.headers["Last-Modified"] = http_date(changed_at.timestamp())
        if location:
            response.headers["Location"] = location
        return response

    def answer_nothing(self, *, status: int = 204) -> HttpResponse:
        response = HttpResponse(status=status, headers={"Cache-Control": NEVER, "Vary": VARY})
        del response.headers["Content-Type"]
        return response
