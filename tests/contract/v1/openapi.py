"""v1's OpenAPI document as the server hands it out, asked about every answer: is this status there, and has it this shape?"""

import re
from http import HTTPStatus
from typing import Any, Final

import httpx
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

BASE: Final = "/api/v1"
URI: Final = "urn:v1"
# Answers to a request that no operation is for: the document can't list them under one.
UNROUTED: Final = {HTTPStatus.METHOD_NOT_ALLOWED}


class Document:
    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        resource = DRAFT202012.create_resource(document)
        self._registry: Registry[Any] = Registry().with_resource(URI, resource)
        self._routes = [(_pattern(path), path) for path in sorted(document["paths"], key=lambda path: path.count("{"))]

    def check(self, response: httpx.Response) -> None:
        """Raises AssertionError for a status that isn't documented and a body that isn't of the documented shape."""
        method, path = response.request.method, response.request.url.path
        template = next((found for pattern, found in self._routes if pattern.fullmatch(path)), None)
        if template is None:
            assert response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.NO_CONTENT), f"{path} is not documented"
            return
        if method == "OPTIONS" or response.status_code in UNROUTED:
            return
        operation = self._document["paths"][template]["get" if method == "HEAD" else method.lower()]
        assert str(response.status_code) in operation["responses"], f"{method} {template}: {response.status_code}"
        if response.content:
            pointer = ("paths", template, method.lower(), "responses", str(response.status_code))
            self._validate(response, pointer)

    def _validate(self, response: httpx.Response, pointer: tuple[str, ...]) -> None:
        documented = self._resolved(pointer)
        content_type = response.headers["content-type"]
        assert content_type in documented["content"], content_type
        schema = {"$ref": f"{URI}#{_pointer(*self._place(pointer), 'content', content_type, 'schema')}"}
        errors = list(Draft202012Validator(schema, registry=self._registry).iter_errors(response.json()))
        assert not errors, (
            f"{response.request.url.path} {response.status_code}: {errors[0].message} at {errors[0].json_path}"
        )

    def _place(self, pointer: tuple[str, ...]) -> tuple[str, ...]:
        """Where the thing at `pointer` stands, if it says to stand elsewhere (`$ref`)."""
        found: Any = self._document
        for name in pointer:
            found = found[name]
        reference = found.get("$ref")
        return tuple(reference.removeprefix("#/").split("/")) if reference else pointer

    def _resolved(self, pointer: tuple[str, ...]) -> Any:
        found: Any = self._document
        for name in self._place(pointer):
            found = found[name]
        return found


def _pattern(path: str) -> re.Pattern[str]:
    path = path if path.startswith(BASE) else BASE + path.rstrip("/")
    return re.compile(
        "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", path))
    )


def _pointer(*names: str) -> str:
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)
