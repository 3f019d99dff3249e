"""Refusals of operations: the codes that follow from an operation's input, and the response of each status."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from api_v2.errors import PROBLEMS, Problem
from api_v2.idempotency import REPLAYED
from api_v2.json_schema import ref
from api_v2.openapi.operations import Operation
from api_v2.openapi.routes import Route
from api_v2.openapi.schemas import headers_of
from api_v2.responses import PROBLEM_JSON

RESPONSES: Final = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    412: "PreconditionFailed",
    413: "ContentTooLarge",
    415: "UnsupportedMediaType",
    422: "UnprocessableContent",
    428: "PreconditionRequired",
    429: "TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}
_HEADERS: Final[Mapping[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    409: ("Retry-AfterOfKey",),
    412: ("ETagOfChange",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
_REPEATED: Final = (400, 403, 404, 409, 412, 413, 415, 422)
"""Statuses of stored refusals: a POST with the same key gets them again."""
_ALWAYS: Final = ("bad_request", "invalid_parameter", "not_acceptable", "rate_limited", "internal_error", "unavailable")
_OF_BODIES: Final = ("malformed_json", "body_too_large", "unsupported_media_type", "invalid_input")
_OF_KEYS: Final = ("invalid_idempotency_key", "idempotency_key_in_flight", "idempotency_key_reused", "too_much_kept")


def codes_by_status(route: Route, verb: str, operation: Operation) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for code in dict.fromkeys(_codes(route, verb, operation)):
        found.setdefault(PROBLEMS[code][0], []).append(code)
    return dict(sorted(found.items()))


def _codes(route: Route, verb: str, operation: Operation) -> Iterator[str]:
    yield from _ALWAYS
    if route.takes_credentials(verb):
        yield from ("invalid_token", "invalid_api_key", "insufficient_scope")
        if verb != "get":
            yield "csrf_failed"
    if operation.needs_user:
        yield from ("authentication_required", "permission_denied")
    if "cursor" in route.query_of(verb):
        yield "invalid_cursor"
    if "{" in route.path:
        yield "not_found"
    if operation.body:
        yield from _OF_BODIES
    if route.takes_if_match(verb, operation):
        yield "precondition_failed"
        if verb != "post":
            yield "precondition_required"
    if route.takes_idempotency_key(verb):
        yield from _OF_KEYS
    yield from operation.problems


def response_of(status: int, common: tuple[str, ...]) -> dict[str, Any]:
    codes = [code for code, (of, _) in PROBLEMS.items() if of == status]
    examples = {code: {"value": _example(code)} for code in codes}
    headers = (*common, *_HEADERS.get(status, ()), *([REPLAYED] if status in _REPEATED else ()))
    return {
        "description": " / ".join(PROBLEMS[code][1] for code in codes),
        "headers": headers_of(headers),
        "content": {PROBLEM_JSON: {"schema": ref("Problem"), "examples": examples}},
    }


def _example(code: str) -> dict[str, Any]:
    problem = Problem(code, f"{PROBLEMS[code][1]}.")
    return problem.as_json("/api/v2/posts", "01900000-0000-7000-8000-000000000000")
