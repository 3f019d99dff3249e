"""Bodies from bytes to values: JSON and nothing else."""

import json
from collections.abc import Sequence
from typing import Any, Final

import orjson
from django.http import HttpRequest

from api_v2.errors import Problem
from cms.errors import shown

MEDIA_TYPES: Final = ("application/json",)
PATCH_MEDIA_TYPES: Final = ("application/merge-patch+json", *MEDIA_TYPES)


def read_json(request: HttpRequest, media_types: Sequence[str] = MEDIA_TYPES) -> Any:
    """Return the body's value. Raises the problems 415, 413 (through Django's limit) and 400."""
    body = request.body
    if not body:
        raise Problem("malformed_json", "The body is empty; a JSON object is expected.")
    refuse_other_types(request, media_types)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem("malformed_json", f"The body is not valid JSON: {error}.") from error
    # orjson takes the last of equal names without an error; the standard library lets us look.
    json.loads(body, object_pairs_hook=_once, parse_int=str, parse_float=str)
    return value


def refuse_other_types(request: HttpRequest, media_types: Sequence[str], what: str = "A body") -> None:
    """Raise the problem 415 by the head of the request alone: nothing of such a body need be read."""
    if request.content_type not in media_types:
        given = request.content_type or "none"
        raise Problem(
            "unsupported_media_type",
            f"{what}'s Content-Type is {' or '.join(media_types)}, not {given}.",
            headers={"Accept-Patch" if request.method == "PATCH" else "Accept": ", ".join(media_types)},
        )


def _once(pairs: list[tuple[str, Any]]) -> None:
    names: set[str] = set()
    for name, _ in pairs:
        if name in names:
            raise Problem("malformed_json", f"The member {shown(name)} is there more than once.")
        names.add(name)
