"""API v2's refusals as problem details (RFC 9457): each failure has a stable code, each code one status and title."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import UnreadablePostError
from rest_framework.exceptions import MethodNotAllowed

from cms.costs.bodies import FAULTS_MAX
from cms.errors import CmsError, Duplicate, FieldError, InvalidInput, KeyInFlight, RateLimited
from cms.http.unavailable import is_unavailable, what_is_away

PROBLEMS: Final[Mapping[str, tuple[int, str]]] = {
    "bad_request": (400, "The request can't be understood"),
    "invalid_idempotency_key": (400, "The Idempotency-Key is not valid"),
    "malformed_json": (400, "The body is not valid JSON"),
    "invalid_parameter": (400, "A query parameter is wrong"),
    "invalid_cursor": (400, "The cursor is not valid here"),
    "authentication_required": (401, "Authentication is required"),
    "invalid_token": (401, "The access token is not valid"),
    "invalid_api_key": (401, "The API key is not valid"),
    "invalid_credentials": (401, "The credentials are wrong"),
    "second_factor_required": (401, "A second factor is required"),
    "invalid_second_factor": (401, "The second factor is wrong"),
    "second_factor_setup_required": (403, "The account has to set up a second factor"),
    "permission_denied": (403, "You may not do this"),
    "insufficient_scope": (403, "The API key is not for this"),
    "csrf_failed": (403, "The CSRF token is missing or wrong"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "The path doesn't have this method"),
    "not_acceptable": (406, "No answer in an acceptable form"),
    "refused": (409, "The change was refused"),
    "duplicate": (409, "The value is taken"),
    "invalid_transition": (409, "The state doesn't allow this"),
    "in_use": (409, "The object is in use"),
    "last_admin": (409, "The last active admin has to stay"),
    "too_many_api_keys": (409, "The owner has too many API keys"),
    "too_many_drafts": (409, "The post has too many drafts"),
    "version_conflict": (409, "The object was changed meanwhile"),
    "idempotency_key_in_flight": (409, "The same request is being answered"),
    "precondition_failed": (412, "The object is at another version"),
    "body_too_large": (413, "The body is too large"),
    "unsupported_media_type": (415, "The body's media type is not supported"),
    "invalid_input": (422, "The input is not valid"),
    "idempotency_key_reused": (422, "The Idempotency-Key belongs to another body"),
    "precondition_required": (428, "The change needs If-Match"),
    "rate_limited": (429, "Too many requests"),
    "too_much_kept": (429, "The account has stored too much today"),
    "internal_error": (500, "Something went wrong here"),
    "unavailable": (503, "The service can't answer just now"),
}
UNAVAILABLE_RETRY_S = 1
# Members of a body that services know by another name.
POINTERS: Final = {"meta_title": "/meta/title", "meta_description": "/meta/description"}


@dataclass(frozen=True)
class ErrorItem:
    """One wrong place: `pointer` (RFC 6901) into the body or the name of a query `parameter`, never both."""

    code: str
    message: str
    pointer: str | None = None
    parameter: str | None = None

    def as_json(self) -> dict[str, str]:
        where = {"pointer": self.pointer} if self.pointer is not None else {"parameter": self.parameter or ""}
        return {**where, "code": self.code, "message": self.message}


class Problem(Exception):
    """An answer that is an error. `code` is a key of PROBLEMS, `detail` a sentence about this occurrence."""

    def __init__(
        self, code: str, detail: str, errors: Sequence[ErrorItem] = (), *, headers: Mapping[str, str] | None = None
    ) -> None:
        self.code, self.detail, self.errors, self.headers = code, detail, errors[:FAULTS_MAX], headers or {}
        super().__init__(detail)

    @property
    def status(self) -> int:
        return PROBLEMS[self.code][0]

    def as_json(self, instance: str, request_id: str) -> dict[str, object]:
        status, title = PROBLEMS[self.code]
        return {
            "type": type_of(self.code),
            "title": title,
            "status": status,
            "detail": self.detail,
            "instance": instance,
            "request_id": request_id,
            "errors": [error.as_json() for error in self.errors],
        }


def type_of(code: str) -> str:
    """Return the stable URI of a code."""
    return f"urn:problem-type:tandem:{code.replace('_', '-')}"


# Exceptions that refuse a request; every other one is a fault of the server.
REFUSALS: Final = (Problem, CmsError, RequestDataTooBig, SuspiciousOperation, UnreadablePostError)


def invalid_parameters(errors: Sequence[ErrorItem]) -> Problem:
    return Problem("invalid_parameter", _summary(errors), errors)


def invalid_body(errors: Sequence[ErrorItem]) -> Problem:
    return Problem("invalid_input", _summary(errors), errors)


def _summary(errors: Sequence[ErrorItem]) -> str:
    """Return the one message, or the first of several."""
    more = f" ({len(errors) - 1} more under errors.)" if len(errors) > 1 else ""
    return f"{errors[0].message}{more}"


def not_found(detail: str = "There is nothing here that you may see.") -> Problem:
    return Problem("not_found", detail)


def problem_of(error: Exception, *, is_anonymous: bool) -> Problem:
    """Return the problem for an exception. An unknown one is an `internal_error`, without a detail."""
    match error:
        case Problem():
            return error
        case CmsError():
            return _problem_of_domain(error, is_anonymous=is_anonymous)
        case MethodNotAllowed():
            return Problem("method_not_allowed", str(error.detail))
        case RequestDataTooBig():
            return Problem("body_too_large", str(error) or "The body is larger than this server takes.")
        case SuspiciousOperation() | UnreadablePostError():
            return Problem("bad_request", "The request can't be understood.")
        case _ if is_unavailable(error):
            headers = {"Retry-After": str(UNAVAILABLE_RETRY_S)}
            return Problem("unavailable", what_is_away(error), headers=headers)
        case _:
            return Problem("internal_error", "The error was logged; its request_id helps to find it.")


def _problem_of_domain(error: CmsError, *, is_anonymous: bool) -> Problem:
    code = error.code if error.code in PROBLEMS else "refused"
    if code == "permission_denied" and is_anonymous:
        code = "authentication_required"
    if isinstance(error, InvalidInput):
        items = [_item_of(problem) for problem in error.errors]
        return invalid_body(items)
    if isinstance(error, Duplicate):
        return Problem(code, error.message, [_item_of(FieldError(error.field, "duplicate", error.message))])
    if isinstance(error, KeyInFlight):
        return Problem(code, error.message, headers={"Retry-After": str(UNAVAILABLE_RETRY_S)})
    if isinstance(error, RateLimited):
        return Problem(code, error.message, headers={"Retry-After": str(error.retry_after_s)})
    return Problem(code, error.message)


def _item_of(error: FieldError) -> ErrorItem:
    return ErrorItem(error.code, error.message, pointer=POINTERS.get(error.field, f"/{error.field}"))
