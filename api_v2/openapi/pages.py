"""The document for its page: operations under their headings, with all references resolved."""

from collections.abc import Iterator
from html import escape
from typing import Any, Final

import orjson
from django.utils.safestring import SafeString

from api_v2.negotiation import JSON
from api_v2.openapi.problems import RESPONSES
from api_v2.openapi.samples import BYTES, UPLOAD, Sample, samples_of
from api_v2.openapi.schemas import look_up
from cms.text.rendering import render_html

type Json = dict[str, Any]

_LIMITS: Final = {
    "format": "",
    "minimum": "from",
    "maximum": "to",
    "minLength": "at least",
    "maxLength": "at most",
    "maxItems": "at most",
    "default": "default",
}
_TEXTS: Final = ("text/html", "application/atom+xml", "application/xml")


def groups_of(document: Json) -> list[Json]:
    found: dict[str, list[Json]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            if verb != "parameters":
                shown = _operation(document, path, verb, operation, item.get("parameters", []))
                found[operation["tags"][0]].append(shown)
    return [
        {"name": name, "id": name.lower().replace(" ", "-"), "operations": operations}
        for name, operations in found.items()
    ]


def quick_start_of(groups: list[Json]) -> Json:
    """Return the three operations that a newcomer needs first, by their ids."""
    operations = {operation["id"]: operation for group in groups for operation in group["operations"]}
    return {id: operations[id] for id in ("create_token", "list_posts", "create_post")}


def _operation(document: Json, path: str, verb: str, operation: Json, path_parameters: list[Json]) -> Json:
    parameters = [*path_parameters, *operation.get("parameters", [])]
    parameters = [_parameter(document, look_up(document, parameter)) for parameter in parameters]
    body = _body(document, operation["requestBody"]) if "requestBody" in operation else None
    answers = list(_answers(document, operation))
    security = operation["security"]
    sample = Sample(
        verb=verb.upper(),
        path=_filled(path, parameters),
        query={one["name"]: one["example"] for one in parameters if one["place"] == "query" and one["is_required"]},
        has_token=bool(security) and {} not in security,
        media_type=body["media_types"][0] if body else "",
        body=body["value"] if body else None,
        answer=_kind_of(answers[0]["media_types"]),
    )
    return {
        "id": operation["operationId"],
        "verb": verb.upper(),
        "path": path,
        "summary": operation["summary"],
        "note": _inline(operation.get("description", "")),
        "who": _who(security),
        "parameters": parameters,
        "body": body,
        "answers": answers,
        "samples": samples_of(sample),
        "problems": [
            {"status": status, "name": RESPONSES[int(status)], "codes": codes}
            for status, codes in operation["x-problems"].items()
        ],
    }


def _filled(path: str, parameters: list[Json]) -> str:
    """Return the path with a word for the reader to replace, or with the first of the allowed values."""
    for one in parameters:
        path = path.replace(f"{{{one['name']}}}", one["values"][0] if one["values"] else one["name"].upper())
    return path


def _kind_of(media_types: list[str]) -> str:
    if not media_types:
        return ""
    return "json" if media_types[0] == JSON else "text" if media_types[0] in _TEXTS else BYTES


def _who(security: list[Json]) -> str:
    if not security:
        return "Credentials are ignored."
    scopes = [scope for way in security for scope in way.get("api_key", [])]
    key = f" API keys need the scope {scopes[0]}." if scopes else ""
    if not any("api_key" in way for way in security):
        key = " API keys have no access."
    return f"{'For everybody.' if {} in security else 'For users.'}{key}"


def _parameter(document: Json, parameter: Json) -> Json:
    schema = parameter["schema"]
    description = parameter.get("description") or schema.get("description", "")
    values = look_up(document, schema.get("x-values", schema)).get("enum", [])
    return {
        "name": parameter["name"],
        "place": parameter["in"],
        "is_required": parameter.get("required", False),
        "type": _type_of(document, schema),
        "description": _inline(description),
        "values": values,
        "example": str(parameter.get("example", "")),
    }


def _body(document: Json, body: Json) -> Json:
    media_types = list(body["content"])
    content = body["content"][media_types[0]]
    example = content.get("example")
    return {
        "value": example or None,
        "is_upload": media_types[0] == UPLOAD,
        "media_types": media_types,
        "is_required": body["required"],
        "name": _name_of(content["schema"]),
        "members": _members(document, content["schema"]),
        "example": _written(example) if example is not None else "",
    }


def _answers(document: Json, operation: Json) -> Iterator[Json]:
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            continue
        content = response.get("content", {})
        media: Json = next(iter(content.values()), {})
        schema: Json = media.get("schema", {})
        examples = [look_up(document, example)["value"] for example in media.get("examples", {}).values()]
        yield {
            "status": status,
            "description": response["description"],
            "media_types": list(content),
            "name": _name_of(schema),
            "members": _members(document, schema) if schema else [],
            "headers": list(response["headers"]),
            "example": _written(examples[0]) if examples else "",
        }


def _members(document: Json, schema: Json) -> list[Json]:
    """Return the members of an object, or of the first of its variants: the others are parts of that one."""
    found = look_up(document, schema)
    if "anyOf" in found:
        found = look_up(document, found["anyOf"][0])
    required = found.get("required", [])
    return [
        {
            "name": name,
            "type": _type_of(document, member),
            "is_required": name in required,
            "description": _inline(member.get("description", "")),
            "values": look_up(document, member.get("items", member)).get("enum", []),
        }
        for name, member in found.get("properties", {}).items()
    ]


def _type_of(document: Json, schema: Json) -> str:
    if name := _name_of(schema):
        return name
    types = schema.get("type", "anything")
    written = " or ".join(types) if isinstance(types, list) else str(types)
    if "items" in schema:
        written = written.replace("array", f"array of {_type_of(document, schema['items'])}")
    limits = [f"{label} {schema[key]}" for key, label in _LIMITS.items() if key in schema]
    return ", ".join([written, *(limit.strip() for limit in limits)])


def _name_of(schema: Json) -> str:
    if "anyOf" in schema:
        return " or ".join(_name_of(part) or str(part.get("type", "")) for part in schema["anyOf"])
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _written(example: Any) -> SafeString:
    """Write text for an element, where quotes are not special: escaping them too would double it."""
    return SafeString(escape(orjson.dumps(example, option=orjson.OPT_INDENT_2).decode(), quote=False))


def _inline(text: str) -> SafeString:
    html = render_html(text, "markdown").strip() if text else ""
    return SafeString(html.removeprefix("<p>").removesuffix("</p>"))
