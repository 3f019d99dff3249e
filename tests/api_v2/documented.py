"""Holding an answer against v2's OpenAPI document: status, code of a problem, headers and body, to the last key."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft202012Validator, FormatChecker

from api_v2.negotiation import is_browser
from api_v2.openapi import document

ALWAYS = ("X-Request-ID", "API-Version")
CHECKED = ("GET", "POST", "PUT", "PATCH", "DELETE")
UNROUTED = {404: "NotFound", 400: "BadRequest", 405: "MethodNotAllowed", 429: "TooManyRequests"}
"""How a request is refused that no operation is for."""
JSON = "application/json"
HEADERS = {name.partition("Of")[0] for name in document()["components"]["headers"]}
"""What an answer may have only where the document says so."""
PROBLEM_JSON = "application/problem+json"


@cache
def strict_document() -> dict[str, Any]:
    """The document as if answers could never have more members: what clients have to bear, tests must not."""
    strict: dict[str, Any] = json.loads(json.dumps(document()))
    for schema in strict["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return strict


def assert_documented(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """`path` is that of the request below the base, without its query. `method` is none of HEAD and OPTIONS."""
    where = f"{method} {path} {status}"
    response, pointer = _response(method.lower(), path, status, body, where)
    for name, header in response["headers"].items():
        if document()["components"]["headers"][header["$ref"].rpartition("/")[2]]["required"]:
            assert name in headers, f"{where} has no {name}"
    unsaid = {name for name in HEADERS & headers.keys() if name not in response["headers"]}
    assert not unsaid, f"{where} has {', '.join(sorted(unsaid))}, which is not documented"
    content = response.get("content")
    if content is None:
        assert body == b"", f"{where} has a body: {body[:200]!r}"
        return
    media_type = headers["Content-Type"].partition(";")[0]
    assert media_type in content or "*/*" in content, f"{where} is {media_type}"
    if media_type.endswith("json") and status != 304:
        errors = [f"{error.json_path}: {error.message}" for error in _validator(pointer).iter_errors(json.loads(body))]
        assert not errors, f"{where}: {errors}"


def _response(method: str, path: str, status: int, body: bytes, where: str) -> tuple[Any, str]:
    template = template_of(path)
    if status == 405 or template is None:
        assert template is None or method not in document()["paths"][template], f"{where}, and is documented"
        name = UNROUTED[status]
        return document()["components"]["responses"][name], _problem_pointer(name)
    operation = document()["paths"][template].get(method)
    assert operation, f"{where} is not documented"
    assert str(status) in operation["responses"], f"{where}: documented are {', '.join(operation['responses'])}"
    if status >= 400:
        code = json.loads(body)["type"].rpartition(":")[2].replace("-", "_")
        assert code in operation["x-problems"][str(status)], f"{where}: {code} is not documented"
    found = operation["responses"][str(status)]
    if "$ref" in found:
        name = found["$ref"].rpartition("/")[2]
        return document()["components"]["responses"][name], _problem_pointer(name)
    media_type = next(iter(found.get("content", {})), "")
    return found, _answer_pointer(method, template, str(status), media_type)


def _answer_pointer(verb: str, path: str, status: str, media_type: str) -> str:
    steps = ("paths", path, verb, "responses", status, "content", media_type, "schema")
    return "".join(f"/{_escaped(step)}" for step in steps)


def _problem_pointer(name: str) -> str:
    return f"/components/responses/{name}/content/{_escaped(PROBLEM_JSON)}/schema"


@cache
def template_of(path: str) -> str | None:
    templates = document()["paths"]
    if path in templates:
        return path
    fits = (name for name in templates if re.fullmatch(re.sub(r"{\w+}", r"[^/\\x00]+", name), path, re.DOTALL))
    return next(fits, None)


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


@cache
def _validator(pointer: str) -> Draft202012Validator:
    reference = f"#{pointer}".replace("{", "%7B").replace("}", "%7D")
    return Draft202012Validator({**strict_document(), "$ref": reference}, format_checker=FormatChecker())


def body_validator(name: str) -> Draft202012Validator:
    return _validator(f"/components/schemas/{name}")


def json_answers_of(operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Status and content of each answer in JSON that is no refusal."""
    return [
        (status, answer["content"][JSON])
        for status, answer in operation["responses"].items()
        if status.startswith("2") and JSON in answer.get("content", {})
    ]


def answer_validator(verb: str, path: str, status: str) -> Draft202012Validator:
    return _validator(_answer_pointer(verb, path, status, JSON))


def check_answers_of(client_class: type[Client], monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a test client fails on an answer of v2 that the document doesn't describe."""
    send = client_class.request

    def request(self: Client, **asked: Any) -> Any:
        response = send(self, **asked)
        path, method = asked["PATH_INFO"], asked["REQUEST_METHOD"]
        below = re.sub(r"\A/api(?:/v2(?=/|\Z))?", "", path)
        is_of_v2 = response.headers.get("API-Version") == "2" and path.startswith("/api/")
        is_page = response.status_code == 200 and is_browser(asked.get("HTTP_ACCEPT"))  # no part of the contract
        if is_of_v2 and below and method in CHECKED and not response.streaming and not is_page:
            assert_documented(method, below, response.status_code, response.headers, response.content)
        return response

    monkeypatch.setattr(client_class, "request", request)
