"""The vocabularies by name, and the schemas of words between commas and of headers."""

import re
from collections.abc import Iterable
from typing import Any, Final

from api_v2.errors import PROBLEMS, type_of
from api_v2.json_schema import Schema, ref
from api_v2.post_filters import SORTS
from api_v2.searching import SEARCH_SORTS
from api_v2.serializers.included import INCLUDES
from api_v2.serializers.posts import ACTIONS, STATUSES
from api_v2.views.auth import TOKEN_TYPE
from api_v2.views.media import KINDS
from cms import limits
from cms.choices import CommentStatus, ContentFormat, DeliveryStatus, Kind, Role, Scope, Visibility
from cms.services.events import ALL_EVENTS, EVENT_TYPES


def headers_of(names: Iterable[str]) -> Schema:
    """Return the headers of a response. A component has the name of its header, up to an `Of`."""
    return {name.partition("Of")[0]: {"$ref": f"#/components/headers/{name}"} for name in names}


def words_of(name: str, values: Iterable[str] = ()) -> Schema:
    """Return values of the vocabulary `name` between commas, as one text: generated clients differ about arrays."""
    word = "|".join(re.escape(value) for value in values or ENUMS[name]["enum"])
    return {"type": "string", "pattern": f"^(?:{word})(?:,(?:{word}))*$", "x-values": ref(name)}


def look_up(document: Schema, schema: Schema) -> Schema:
    """Return the schema that a reference of the document leads to."""
    while "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        schema = found
    return schema


def _enum(values: Iterable[str], description: str = "") -> Schema:
    return {"type": "string", "enum": list(values), **({"description": description} if description else {})}


ENUMS: Final[dict[str, Schema]] = {
    "PostKind": _enum(Kind.values),
    "PostStatus": _enum(STATUSES, "`scheduled` is published at an instant that is still to come."),
    "PostVisibility": _enum(Visibility.values),
    "PostAction": _enum(ACTIONS, "Actions that the caller may take now: `update` is PATCH, `trash` is DELETE."),
    "PostSort": _enum(SORTS),
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
