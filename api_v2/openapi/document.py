"""Assemble the document from routes, the declarations of their views, and the tables of this package."""

from functools import cache
from typing import Any, Final

from django.conf import settings

from api_v2.errors import PROBLEMS
from api_v2.json_schema import TEXT, Schema, described
from api_v2.negotiation import JSON
from api_v2.openapi.bodies import BODIES, EXAMPLES
from api_v2.openapi.operations import GROUPS, NOTES, Operation
from api_v2.openapi.parameters import HEADERS, PATH, QUERY, REQUIRED
from api_v2.openapi.problems import RESPONSES, codes_by_status, response_of
from api_v2.openapi.resources import FIELDS, RESOURCES
from api_v2.openapi.response_examples import EXAMPLES as ANSWERS
from api_v2.openapi.response_examples import examples_of
from api_v2.openapi.routes import Route, routes
from api_v2.openapi.schemas import ENUMS, headers_of, words_of
from api_v2.parsing import MEDIA_TYPES, PATCH_MEDIA_TYPES
from api_v2.uploads import MEDIA_TYPE as UPLOAD

type Json = dict[str, Any]

VERSION: Final = "2.0.0"
_ABOUT: Final = """A resource is a bare object. A list is `{"data", "page"}`. Errors are problem details (RFC 9457).

- HEAD works on each path that has GET. OPTIONS works on all paths and returns 204 with `Allow`. The index is `/api/v2`.
- `/api`, the entrance of both versions, has the same paths. Send `API-Version: 2` there to choose this version.
- An unknown parameter, member or value is refused, and the error lists what is allowed. Responses may gain members.
- `fields` selects members of a response, which then has the schema `Partial…`.
- Commas separate several values of a parameter (`x-values`).
- The server refuses bytes that are not HTTP (400), a request line above 8,190 bytes (414) and a larger head (431)."""
BYTES: Final = "application/octet-stream"
_BINARY: Final[Schema] = {"type": "string", "format": "binary"}
_COMMON: Final = ("X-Request-ID", "API-Version", "RateLimit", "RateLimit-Policy")
_RESPONSE_HEADERS: Final[dict[str, tuple[str, bool]]] = {
    # by name: what it says, whether it is always there
    "X-Request-ID": ("The value of the request, or a new one.", True),
    "API-Version": ("`2`.", True),
    "RateLimit": (
        'The requests that are left, and the seconds until there are more: `"anonymous";r=5998;t=42`.',
        False,
    ),
    "RateLimit-Policy": ('The requests allowed in a window, in seconds: `"anonymous";q=6000;w=60`.', False),
    "ETag": ('`"<version>-<digest of the body>"`, for If-None-Match and If-Match.', True),
    "ETagOfChange": ("The ETag that a GET of the object returns now, for the next If-Match.", False),
    "Last-Modified": ("The time of the last change of the object.", False),
    "Link": ("The paths of the next and the previous page (RFC 8288).", False),
    "Location": ("The path of the new object, or the object's other address.", True),
    "Idempotency-Replayed": ("`true` if this is the stored response to an earlier request.", False),
    "WWW-Authenticate": ("`Bearer`.", True),
    "Retry-After": ("The seconds to wait.", True),
    "Retry-AfterOfKey": ("The seconds to wait while the first request with this Idempotency-Key runs.", False),
    "Allow": ("The methods of the path.", True),
}


@cache
def document() -> Json:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tandem API",
            "version": VERSION,
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/api/v2"}],
        "tags": [{"name": name} for name in GROUPS],
        "paths": _paths(),
        "components": {
            "schemas": dict(sorted({**ENUMS, **RESOURCES, **BODIES}.items())),
            "parameters": HEADERS,
            "headers": {
                name: {"description": description, "required": is_always_there, "schema": TEXT}
                for name, (description, is_always_there) in _RESPONSE_HEADERS.items()
            },
            "responses": {name: response_of(status, _COMMON) for status, name in RESPONSES.items()},
            "examples": {name: {"value": value} for name, value in ANSWERS.items()},
            "securitySchemes": _security_schemes(),
        },
    }


def _paths() -> Json:
    known = {call: (group, said) for group, operations in GROUPS.items() for call, said in operations.items()}
    found: Json = {}
    for route in routes():
        parameters = [{"name": name, "in": "path", "required": True, "schema": PATH[name]} for name in route.parameters]
        item: Json = {"parameters": parameters} if parameters else {}
        for verb in route.verbs:
            group, said = known[f"{verb.upper()} {route.path}"]
            item[verb] = _operation(route, verb, said, group)
        found[route.path] = item
    return found


def _operation(route: Route, verb: str, said: Operation, group: str) -> Json:
    parameters = [_query(name, said) for name in route.query_of(verb)] + _header_parameters(route, verb, said)
    codes = codes_by_status(route, verb, said)
    return {
        "operationId": said.id,
        "summary": said.summary,
        **({"description": NOTES[said.id]} if said.id in NOTES else {}),
        "tags": [group],
        "security": _security(route, verb, said),
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": _body(verb, said)} if said.body else {}),
        "responses": {
            **_successes(route, verb, said),
            **{str(status): _refusal(status, codes[status]) for status in codes},
        },
        "x-problems": {str(status): found for status, found in codes.items()},
    }


def _query(name: str, said: Operation) -> Json:
    if name == "fields":
        assert said.fields_of, f"{said.id} says not of what its fields are"
        schema = words_of(f"{said.fields_of}Field", FIELDS[said.fields_of])
        schema = described(schema, "The members wanted, separated by commas; all by default.")
        return {"name": name, "in": "query", "schema": schema, "example": "id"}
    key = said.query.get(name, name)
    schema, example = QUERY[key]
    return {
        "name": name,
        "in": "query",
        **({"required": True} if key in REQUIRED else {}),
        "schema": schema,
        **({"example": example} if example is not None else {}),
    }


def _header_parameters(route: Route, verb: str, said: Operation) -> list[Json]:
    names = {
        "IfNoneMatch": route.has_etag(verb, said),
        "IfMatch": route.takes_if_match(verb, said),
        "IdempotencyKey": route.takes_idempotency_key(verb),
    }
    return [{"$ref": f"#/components/parameters/{name}"} for name, is_taken in names.items() if is_taken]


def _body(verb: str, said: Operation) -> Json:
    assert said.body
    media_types = (UPLOAD,) if said.body == "Upload" else PATCH_MEDIA_TYPES if verb == "patch" else MEDIA_TYPES
    example = {"example": EXAMPLES[said.body]} if said.body in EXAMPLES else {}
    content = {"schema": {"$ref": f"#/components/schemas/{said.body}"}, **example}
    return {"required": not said.is_body_optional, "content": dict.fromkeys(reversed(media_types), content)}


def _successes(route: Route, verb: str, said: Operation) -> Json:
    is_list = "cursor" in route.query_of(verb)
    headers = [*_COMMON]
    headers += ["ETag"] if route.has_etag(verb, said) else []
    headers += ["ETagOfChange"] if verb != "get" and said.answer and said.status in (200, 201) else []
    is_dated = not is_list if said.answer else route.has_etag(verb, said)
    dated = ["Last-Modified"] if is_dated else []
    headers += dated
    headers += ["Link"] if is_list else []
    headers += ["Location"] if said.status in (201, 301) else []
    headers += ["Idempotency-Replayed"] if route.takes_idempotency_key(verb) else []
    main = {"description": said.summary, "headers": headers_of(headers), **_content(route, said)}
    found = {str(said.status): main}
    for status, sentence in said.also.items():
        more = ["Location"] if status == 301 else []
        found[str(status)] = {"description": sentence, "headers": headers_of([*_COMMON, *more])}
    if route.has_etag(verb, said):
        sentence = "The client already has this version, by If-None-Match."
        found["304"] = {"description": sentence, "headers": headers_of([*_COMMON, "ETag", *dated])}
    return found


def _content(route: Route, said: Operation) -> Json:
    if said.answer is not None:
        return {"content": {JSON: {"schema": said.answer, "examples": examples_of(said.id, said.answer)}}}
    if said.status != 200:
        return {}
    media_type = route.view.media_type
    if media_type.startswith("image/") or media_type == BYTES:
        return {"content": {"*/*" if media_type == BYTES else media_type: {"schema": _BINARY}}}
    return {"content": {media_type: {"schema": TEXT}}}


def _refusal(status: int, codes: list[str]) -> Json:
    titles = "; ".join(f"`{code}`: {PROBLEMS[code][1]}" for code in codes)
    return {"$ref": f"#/components/responses/{RESPONSES[status]}", "description": titles}


def _security(route: Route, verb: str, said: Operation) -> list[Json]:
    if not route.takes_credentials(verb):
        return []
    ways: list[Json] = [] if said.needs_user else [{}]
    ways.append({"access_token": []})
    if verb.upper() in (scopes := route.view.scopes):
        scope = scopes[verb.upper()]
        ways.append({"api_key": [scope] if scope else []})
    return [*ways, {"session": []} if verb == "get" else {"session": [], "csrf_token": []}]


def _security_schemes() -> Json:
    return {
        "access_token": {
            "type": "http",
            "scheme": "bearer",
            "description": "From `/auth/token`, valid for 15 minutes.",
        },
        "api_key": {
            "type": "apiKey",
            "in": "header",
            "name": "X-API-Key",
            "description": "The scopes of a key limit its use. Each operation names the scope that it needs.",
        },
        "session": {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
        "csrf_token": {
            "type": "apiKey",
            "in": "header",
            "name": "X-CSRFToken",
            "description": "Changes in a browser's session need the value of its CSRF cookie.",
        },
    }
