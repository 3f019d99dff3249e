"""The answers that the canary gives itself, as problem details (RFC 9457)."""

import json

from django.http import HttpRequest, HttpResponse

from canary.core.values import Refusal


def problem_response(refusal: Refusal, request: HttpRequest) -> HttpResponse:
    body = {
        "type": f"urn:problem-type:tandem:{refusal.code}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        "instance": request.path,
        "request_id": getattr(request, "request_id", None),
    }
    return HttpResponse(json.dumps(body), status=refusal.status, content_type="application/problem+json")
