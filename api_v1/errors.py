"""Turn every exception of a view into v1's envelope, unforeseen ones included, with or without DEBUG."""

import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, UnreadablePostError
from rest_framework.exceptions import APIException, MethodNotAllowed, ValidationError
from rest_framework.request import Request

from api_v1.responses import JsonResponse, failure
from cms import errors as cms
from cms.costs.bodies import FAULTS_MAX
from cms.http.unavailable import is_known_outage, is_unavailable, mark_away

logger = logging.getLogger(__name__)

UNAVAILABLE_RETRY_S: Final = 5

_STATUS_OF: Final[dict[type[cms.CmsError], int]] = {
    cms.InvalidCredentials: 401,
    cms.SecondFactorRequired: 401,
    cms.SecondFactorMissing: 401,
    cms.InvalidToken: 401,
    cms.InvalidApiKey: 401,
    cms.PermissionRefused: 403,
    cms.CsrfRefused: 403,
    cms.InsufficientScope: 403,
    cms.NotFound: 404,
    cms.Duplicate: 409,
    cms.InvalidTransition: 409,
    cms.VersionConflict: 409,
    cms.InUse: 409,
    cms.LastAdmin: 409,
    cms.TooManyKeys: 409,
    cms.TooManyDrafts: 409,
    cms.RateLimited: 429,
    cms.TooMuchKept: 429,
}

# v1's login takes no code.
_SECOND_FACTOR: Final = "This account has a second factor: sign in with API v2, or use an API key."
_SENTENCE_OF: Final[dict[type[cms.CmsError], str]] = {cms.SecondFactorRequired: _SECOND_FACTOR}


def handle_exception(error: Exception, context: Mapping[str, Any]) -> JsonResponse:
    """Handle an exception for REST framework; `context` has the view and the request."""
    if isinstance(error, cms.InvalidInput):
        return _invalid_input([{"field": wrong.field, "message": wrong.message} for wrong in error.errors])
    if isinstance(error, ValidationError):
        return _invalid_input(list(_wrong_fields(error.detail)))
    if isinstance(error, cms.CmsError):
        kind = type(error)
        return _refusal(_STATUS_OF.get(kind, 400), _SENTENCE_OF.get(kind, error.message), error, context)
    if isinstance(error, APIException):
        return _refusal(error.status_code, str(error.detail), error, context)
    if isinstance(error, RequestDataTooBig):
        return failure(413, "The request body is too large.")
    if isinstance(error, SuspiciousOperation | BadRequest | UnreadablePostError):
        return failure(400, "Bad request")
    if is_unavailable(error):
        return _unavailable(context["request"], error)
    return _internal_error(error, context["request"])


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Answer a request that no view can get, such as one for a host that isn't served."""
    return failure(400, "Bad request")


def server_error(request: HttpRequest) -> JsonResponse:
    """Answer an error outside the views; Django logs it."""
    error = sys.exc_info()[1]
    if is_unavailable(error):
        return _unavailable(request, error)
    return failure(500, "Internal server error", message=f"Request id: {getattr(request, 'request_id', '')}")


def _unavailable(request: Request | HttpRequest, error: BaseException | None) -> JsonResponse:
    if not is_known_outage(error):
        logger.error("%s can't be answered", request.path, exc_info=error)
    response = failure(503, "Service unavailable", headers={"Retry-After": str(UNAVAILABLE_RETRY_S)})
    mark_away(response, error)
    return response


def _invalid_input(validation_errors: list[dict[str, str]]) -> JsonResponse:
    return failure(422, "Invalid input", validation_errors=validation_errors[:FAULTS_MAX])


def _refusal(status: int, text: str, error: Exception, context: Mapping[str, Any]) -> JsonResponse:
    headers = {}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    if isinstance(error, cms.RateLimited):
        headers["Retry-After"] = str(error.retry_after_s)
    if status == 401:
        # RFC 9110 section 15.5.2 asks for a challenge with every 401, RFC 6750 section 3.1 for the name of the fault.
        is_bad_token = isinstance(error, cms.InvalidToken)
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if is_bad_token else "Bearer"
    return failure(status, text, headers=headers)


def _wrong_fields(detail: Any) -> Iterator[dict[str, str]]:
    for field, problems in detail.items():
        for message in _messages(problems):
            yield {"field": field, "message": message}


def _messages(problems: Any) -> Iterator[str]:
    """Yield the messages. REST framework nests the problems of a list's items; v1 names the field alone."""
    if isinstance(problems, dict):
        problems = problems.values()
    elif not isinstance(problems, list):
        yield str(problems)
        return
    for problem in problems:
        yield from _messages(problem)


def _internal_error(error: Exception, request: Request) -> JsonResponse:
    request_id = getattr(request, "request_id", "")
    logger.error("%s %s failed, request id %s", request.method, request.path, request_id, exc_info=error)
    return failure(500, "Internal server error", message=f"Request id: {request_id}")
