"""The answers that the canary gives itself, as problem details (RFC 9457)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse

from canary.conf import canary_conf
from canary.core.values import Refusal
from canary.requests.headers import sent_path


class Problem(Exception):
    """An answer of the control API that is an error: `code` as the `type` ends with it, `detail` a sentence."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.errors = status, code, detail, errors
        self.more, self.headers = more or {}, headers or {}


def problem_response(refusal: Refusal, request: HttpRequest, more: Mapping[str, Any] | None = None) -> HttpResponse:
    """Return the response of a refusal. `more` are members beside those of RFC 9457."""
    response = _response(request, refusal.status, refusal.code, refusal.title, refusal.detail, more)
    if refusal.retry_after_s is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    return response


def api_problem_response(
    problem: Problem, request: HttpRequest, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    more = {**({"errors": list(problem.errors)} if problem.errors else {}), **problem.more}
    title = problem.code.replace("-", " ").capitalize()
    response = _response(request, problem.status, problem.code, title, problem.detail, more)
    for name, value in {**problem.headers, **(headers or {})}.items():
        response.headers[name] = value
    return response


def _response(
    request: HttpRequest, status: int, code: str, title: str, detail: str, more: Mapping[str, Any] | None = None
) -> HttpResponse:
    body = {
        "type": f"{canary_conf().problem_type}{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": sent_path(request),  # a URI reference (RFC 9457 section 3.1.5)
        "request_id": getattr(request, "request_id", None),
        **(more or {}),
    }
    content = json.dumps(body).encode()
    response = HttpResponse(
        b"" if request.method == "HEAD" else content, status=status, content_type="application/problem+json"
    )
    response.headers["Content-Length"] = str(len(content))
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
