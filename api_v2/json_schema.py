"""The building blocks of schemas (JSON Schema 2020-12, as in OpenAPI 3.1), for shapes and for members of bodies."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from cms import limits

type Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
NUMBER: Final[Schema] = {"type": "integer", "minimum": 0}
POSITIVE: Final[Schema] = {"type": "integer", "minimum": 1}
_FRACTION: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}
FROM_LEFT: Final[Schema] = {**_FRACTION, "description": "The fraction of the width from the left."}
FROM_TOP: Final[Schema] = {**_FRACTION, "description": "The fraction of the height from the top."}
BOOLEAN: Final[Schema] = {"type": "boolean"}
ANYTHING: Final[Schema] = {}
UUID: Final[Schema] = {"type": "string", "format": "uuid"}
INSTANT: Final[Schema] = {"type": "string", "format": "date-time"}
HTML: Final[Schema] = {"type": "string", "description": "HTML without scripts, safe to be shown."}
PATH: Final[Schema] = {"type": "string", "format": "uri-reference"}
# The form in responses; requests may write instants in any way of RFC 3339.
STAMP: Final[Schema] = {**INSTANT, "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"}
UUID_OR_NULL: Final[Schema] = {**UUID, "type": ["string", "null"]}
STAMP_OR_NULL: Final[Schema] = {**STAMP, "type": ["string", "null"]}
TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def array_of(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def text_of(minimum: int, maximum: int, **more: Any) -> Schema:
    return {"type": "string", **({"minLength": minimum} if minimum else {}), "maxLength": maximum, **more}


def described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def obj_or_null(name: str) -> Schema:
    return {"anyOf": [ref(name), {"type": "null"}]}


def obj(properties: Mapping[str, Schema], optional: Collection[str] = ()) -> Schema:
    """Return an object of a response. More members may come one day, so clients ignore unknown ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), **({"required": required} if required else {})}


EMAIL: Final = text_of(3, limits.EMAIL_MAX, format="email")
ID_OR_SLUG: Final = described(TEXT, "An id or a slug.")
