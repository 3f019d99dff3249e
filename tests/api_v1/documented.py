"""Holding an answer against v1's OpenAPI document: its status, its headers and its body, to the last key."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.test import Client
from jsonschema import Draft202012Validator, FormatChecker

DOCUMENT: Any = json.loads((Path(__file__).parents[2] / "api_v1/openapi.json").read_bytes())
METHOD_NOT_ALLOWED, NOT_FOUND = "/components/responses/MethodNotAllowed", "/components/responses/NotFound"


def assert_documented(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """`path` is that of the request, pinned to v1, without its query."""
    pointer = _response_pointer(method.lower(), path, status)
    response = _resolve(pointer)
    for name in response.get("headers", {}):
        assert name in headers, f"{method} {path} {status} has no {name}"
    content = response.get("content")
    if content is None:
        assert body == b"", f"{method} {path} {status} has a body"
        return
    assert headers["Content-Type"] == "application/json"
    problems = [f"{error.json_path}: {error.message}" for error in _validator(pointer).iter_errors(json.loads(body))]
    assert not problems, f"{method} {path} {status}: {problems}"


def _response_pointer(method: str, path: str, status: int) -> str:
    template = _template_of(path)
    if template is None:
        assert status in (404, 400), f"{path} is not documented and answers {status}"
        return NOT_FOUND if status == 404 else "/components/responses/BadRequest"
    operations = DOCUMENT["paths"][template]
    if status == 405:
        assert method not in operations, f"{method} {path} is documented and refused"
        return METHOD_NOT_ALLOWED
    assert method in operations, f"{method} {path} answers {status} and is not documented"
    responses = operations[method]["responses"]
    assert str(status) in responses, f"{method} {path} answers {status}, documented are {', '.join(responses)}"
    reference = responses[str(status)].get("$ref")
    return reference.removeprefix("#") if reference else f"/paths/{_escaped(template)}/{method}/responses/{status}"


@cache
def _template_of(path: str) -> str | None:
    templates = DOCUMENT["paths"]
    if path in templates:
        return path
    fits = (name for name in templates if re.fullmatch(re.sub(r"{\w+}", "[^/]+", name), path, re.DOTALL))
    return next(fits, None)


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _resolve(pointer: str) -> Any:
    found: Any = DOCUMENT
    for part in pointer.split("/")[1:]:
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


@cache
def _validator(pointer: str) -> Draft202012Validator:
    schema = f"#{pointer}/content/application~1json/schema".replace("{", "%7B").replace("}", "%7D")
    return Draft202012Validator({**DOCUMENT, "$ref": schema}, format_checker=FormatChecker())


class DocumentedClient(Client):
    """Django's test client, which fails on an answer of v1 that the document doesn't describe."""

    def request(self, **request: Any) -> Any:
        response = super().request(**request)
        path, method = request["PATH_INFO"], request["REQUEST_METHOD"]
        path = re.sub("^/api(?!/v1)", "/api/v1", path)
        is_of_v1 = response.headers.get("API-Version") == "1" and path.startswith("/api/v1")
        if is_of_v1 and method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"):
            assert_documented(method, path, response.status_code, response.headers, response.content)
        return response
