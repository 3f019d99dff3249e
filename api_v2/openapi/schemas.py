"""The building blocks of schemas (JSON Schema 2020-12, as in OpenAPI 3.1), and the vocabularies by name."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from api_v2.errors import PROBLEMS, type_of
from api_v2.post_filters import SORT_KEYS
from api_v2.searching import SEARCH_SORTS
from api_v2.serializers.included import INCLUDES
from api_v2.serializers.posts import ACTIONS, STATUSES
from api_v2.views.auth import TOKEN_TYPE
from api_v2.views.media import KINDS
from cms import limits
from cms.choices import CommentStatus, ContentFormat, DeliveryStatus, Kind, Role, Scope, Visibility
from cms.services.events import ALL_EVENTS, EVENT_TYPES

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


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def headers_of(names: Iterable[str]) -> Schema:
    """Return the headers of a response. A component has the name of its header, up to an `Of`."""
    return {name.partition("Of")[0]: {"$ref": f"#/components/headers/{name}"} for name in names}


def array_of(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def text(minimum: int, maximum: int, **more: Any) -> Schema:
    return {"type": "string", **({"minLength": minimum} if minimum else {}), "maxLength": maximum, **more}


def described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def obj(properties: Mapping[str, Schema], optional: Collection[str] = ()) -> Schema:
    """Return an object of a response. More members may come one day, so clients ignore unknown ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), **({"required": required} if required else {})}


def of_shape(names: Iterable[str], **schemas: Schema) -> Schema:
    """Return the object whose members are `names`, in their order: a shape's own, so that the two can't differ."""
    wanted = list(names)
    if unknown := set(schemas) - set(wanted):
        raise ValueError(f"not in the shape: {sorted(unknown)}")
    return obj({name: schemas[name] for name in wanted})


def body_of(members: Iterable[str], required: Collection[str] = (), /, **schemas: Schema) -> Schema:
    """Return the object that a reader of bodies takes, which refuses every other member."""
    schema = of_shape(members, **schemas)
    del schema["required"]
    return {**schema, **({"required": list(required)} if required else {}), "additionalProperties": False}


def changes_of(schema: Schema) -> Schema:
    """Return the merge patch of the same members."""
    return {name: value for name, value in schema.items() if name != "required"} | {"minProperties": 0}


def words_of(name: str, values: Iterable[str] = ()) -> Schema:
    """Return values of the vocabulary `name` between commas, as one text: generated clients differ about arrays."""
    word = "|".join(re.escape(value) for value in values or ENUMS[name]["enum"])
    return {"type": "string", "pattern": f"^(?:{word})(?:,(?:{word}))*$", "x-values": ref(name)}


def _enum(values: Iterable[str], description: str = "") -> Schema:
    return {"type": "string", "enum": list(values), **({"description": description} if description else {})}


_SORTS: Final = tuple(f"{sign}{key}" for key in SORT_KEYS for sign in ("", "-"))
ENUMS: Final[dict[str, Schema]] = {
    "PostKind": _enum(Kind.values),
    "PostStatus": _enum(STATUSES, "`scheduled` is published at an instant that is still to come."),
    "PostVisibility": _enum(Visibility.values),
    "PostAction": _enum(ACTIONS, "Actions that the caller may take now: `update` is PATCH, `trash` is DELETE."),
    "PostSort": _enum(_SORTS),
    "PostInclude": _enum(INCLUDES),
    "SearchSort": _enum(SEARCH_SORTS),
    "ContentFormat": _enum(ContentFormat.values),
    "CommentStatus": _enum(CommentStatus.values),
    "UserRole": _enum(Role.values),
    "MediaKind": _enum(KINDS),
    "RenditionSpec": _enum(limits.RENDITIONS),
    "ApiKeyScope": _enum(Scope.values),
    "WebhookEvent": _enum((ALL_EVENTS, *EVENT_TYPES), "`*` stands for all events."),
    "DeliveryStatus": _enum(DeliveryStatus.values),
    "TokenType": _enum((TOKEN_TYPE,)),
    "CountMode": _enum(("exact",)),
    "BooleanText": _enum(("true", "false")),
    "ProblemType": _enum((type_of(code) for code in PROBLEMS), "One stable URI for each code."),
}
