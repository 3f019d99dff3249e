"""Putting the document together: an OpenAPI 3.1 description of every path and verb, HEAD and OPTIONS among them."""

import re
from functools import cache
from typing import Any, Final

from api_v1.openapi.operations import EVERYWHERE, OPERATIONS, Operation
from api_v1.openapi.schemas import SCHEMAS, UUID, Schema, envelope, ref

BASE: Final = "/api/v1"
_TOLERANT: Final = "Anything else counts as absent."
_PARAMETERS: Final[dict[str, tuple[str, Schema, str]]] = {
    # by key: the name, what is meant, what else is to be said
    "page": ("page", {"type": "integer", "minimum": 1, "default": 1}, _TOLERANT),
    "limit": ("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, f"More is 100. {_TOLERANT}"),
    "limit_suggestions": ("limit", {"type": "integer", "minimum": 1, "maximum": 50, "default": 10}, _TOLERANT),
    "offset": ("offset", {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 0}, _TOLERANT),
    "status": (
        "status",
        {"enum": ["draft", "published", "archived"]},
        "For those who see more than what is published.",
    ),
    "author": ("author", UUID, "The id of a user."),
    "tag": ("tag", {"type": "string"}, "A name or a slug."),
    "sort": (
        "sort",
        {
            "enum": [
                f"{sign}{key}" for key in ("created_at", "updated_at", "published_at", "title") for sign in ("", "-")
            ]
        },
        "Unknown ones sort by -created_at.",
    ),
    "sort_users": (
        "sort",
        {
            "enum": [
                f"{sign}{key}"
                for key in ("created_at", "updated_at", "username", "email", "last_login")
                for sign in ("", "-")
            ]
        },
        "Unknown ones sort by -created_at.",
    ),
    "role": ("role", {"enum": ["Admin", "Editor", "Author", "Subscriber"]}, _TOLERANT),
    "active": ("active", {"type": "boolean"}, _TOLERANT),
    "q": ("q", {"type": "string"}, 'Words, all of which must match; "a phrase"; -excluded.'),
    "prefix": ("prefix", {"type": "string"}, "What is being typed."),
    "sort_by": (
        "sort_by",
        {"enum": ["relevance", "created_at", "updated_at", "published_at", "title"], "default": "relevance"},
        _TOLERANT,
    ),
    "sort_order": (
        "sort_order",
        {"enum": ["asc", "desc"], "default": "desc"},
        "Of a sort key; relevance has one order.",
    ),
}
_PATH_PARAMETERS: Final[dict[str, Schema]] = {"uuid": UUID, "slug": {"type": "string"}}
_REFUSALS: Final[dict[int, tuple[str, str, tuple[str, ...]]]] = {
    400: ("BadRequest", "Malformed JSON, an id that is no UUID, or a request that makes no sense", ()),
    401: ("Unauthorized", "No credential, or one that isn't good", ("WWW-Authenticate",)),
    403: ("Forbidden", "The caller may not do this", ()),
    404: ("NotFound", "There is no such object, or none that the caller may see", ()),
    405: ("MethodNotAllowed", "The path has no such verb", ("Allow",)),
    409: ("Conflict", "A value is taken, or the object's state or version doesn't allow it", ()),
    413: ("TooLarge", "The body is too large", ()),
    415: ("UnsupportedMediaType", "The body isn't declared as JSON", ()),
    422: ("InvalidInput", "Fields are wrong", ()),
    429: ("TooManyRequests", "Too many requests", ("Retry-After",)),
    500: ("InternalError", "Unforeseen; the message names the request id", ()),
    503: ("Unavailable", "The database can't be asked", ("Retry-After",)),
}
_HEADERS: Final[dict[str, Schema]] = {
    "X-Request-ID": {"type": "string"},
    "Allow": {"type": "string"},
    "WWW-Authenticate": {"type": "string"},
    "Retry-After": {"type": "string", "pattern": "^[0-9]+$"},
}
_SECURITY: Final[dict[str, Schema]] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "browser": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "Of the admin site. Changes need the header X-CSRFToken too.",
    },
}


@cache
def document() -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tandem API", "version": "v1", "description": "The frozen contract."},
        "servers": [{"url": "/"}],
        "paths": {f"{BASE}{path}": _path_item(path, verbs) for path, verbs in OPERATIONS.items()},
        "components": {
            "schemas": SCHEMAS,
            "parameters": {key: _parameter(key) for key in _PARAMETERS},
            "responses": {name: _refusal(status) for status, (name, _, _) in _REFUSALS.items()},
            "headers": {name: {"schema": schema} for name, schema in _HEADERS.items()},
            "securitySchemes": _SECURITY,
        },
    }


def _path_item(path: str, verbs: dict[str, Operation]) -> dict[str, Any]:
    item: dict[str, Any] = {verb: _operation(path, verb, operation) for verb, operation in verbs.items()}
    if "get" in verbs:
        item["head"] = _head(path, verbs["get"])
    item["options"] = {
        "summary": "The verbs of this path",
        "operationId": _operation_id(path, "options"),
        "security": [],
        "responses": {"204": {"description": "In Allow", "headers": _headers("Allow")}},
    }
    if names := re.findall(r"{(\w+)}", path):
        item["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": _PATH_PARAMETERS[name]} for name in names
        ]
    return item


def _operation(path: str, verb: str, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": _operation_id(path, verb),
        "security": _security(operation),
        "responses": {str(operation.status): _answer(operation)} | _refusals(path, operation),
    }
    if operation.query:
        described["parameters"] = [{"$ref": f"#/components/parameters/{key}"} for key in operation.query]
    if operation.body:
        # Not required: an empty body is one without fields.
        described["requestBody"] = {"content": {"application/json": {"schema": ref(operation.body)}}}
    return described


def _head(path: str, operation: Operation) -> dict[str, Any]:
    described = _operation(path, "head", operation)
    for status, response in described["responses"].items():
        name = response.get("$ref", "").rpartition("/")[2]
        described["responses"][status] = {
            key: value for key, value in (_named(name) if name else response).items() if key != "content"
        }
    return described


def _named(name: str) -> dict[str, Any]:
    return _refusal(next(status for status, refusal in _REFUSALS.items() if refusal[0] == name))


def _answer(operation: Operation) -> dict[str, Any]:
    data = ref(operation.answer) if operation.answer else {"type": "null"}
    schema = data if operation.is_bare else envelope(data)
    return {"description": operation.summary, "headers": _headers(), "content": _json(schema)}


def _refusals(path: str, operation: Operation) -> dict[str, Any]:
    refusals: dict[str, Any] = {
        str(status): {"$ref": f"#/components/responses/{_REFUSALS[status][0]}"}
        for status in sorted({*EVERYWHERE, *operation.refusals, *((429,) if operation.is_limited else ())})
    }
    if operation.answer == "Health":
        refusals["503"] = {"description": "Unhealthy", "headers": _headers(), "content": _json(ref("Unhealthy"))}
    return refusals


def _refusal(status: int) -> dict[str, Any]:
    _, description, headers = _REFUSALS[status]
    schema = ref("ValidationFailure" if status == 422 else "Failure")
    return {"description": description, "headers": _headers(*headers), "content": _json(schema)}


def _parameter(key: str) -> dict[str, Any]:
    name, schema, description = _PARAMETERS[key]
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if not operation.takes_credentials:
        return []
    known: list[dict[str, list[str]]] = [{name: []} for name in _SECURITY]
    return known if operation.needs_user else [{}, *known]


def _operation_id(path: str, verb: str) -> str:
    words = re.findall(r"\w+", path.replace("-", "_").replace(".", "_")) or ["root"]
    return "_".join([verb, *words])


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-ID", *names)}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
