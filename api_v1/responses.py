"""v1's envelope and the bytes it becomes."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.http import HttpResponse


class JsonResponse(HttpResponse):
    """Encoded at once rather than by a renderer after the view: what can't be encoded then fails inside the view's own
    error handling, and is answered in the envelope too."""

    def __init__(self, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(
            orjson.dumps(body), status=status, headers={"Content-Type": "application/json", **(headers or {})}
        )


def success(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> JsonResponse:
    return JsonResponse(envelope(data), status, headers)


def envelope(data: Any) -> dict[str, Any]:
    """Return the body of a success."""
    return {"success": True, "data": data, "message": None, "error": None}


def failure(
    status: int,
    error: str,
    *,
    message: str | None = None,
    data: Any = None,
    validation_errors: Sequence[Mapping[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JsonResponse:
    """Return an error's envelope. `validation_errors` are items of `field` and `message`; the key may be absent."""
    body = {"success": False, "data": data, "message": message, "error": error}
    if validation_errors is not None:
        body["validation_errors"] = validation_errors
    return JsonResponse(body, status, headers)
