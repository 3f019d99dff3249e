"""API keys as JSON, never with their secret, and the bodies that describe them."""

from typing import Any, Final

from api_v2.json_schema import BOOLEAN, EMAIL, INSTANT, STAMP_OR_NULL, UUID, array_of, or_null, ref, text_of
from api_v2.serializers.bodies import ITEMS_MAX, Body, Member, Members, read_body
from api_v2.serializers.shapes import ENTITY, Shape, column, instant
from cms import limits
from cms.services.api_keys import ApiKeyFields

API_KEY: Final[Shape] = {
    **ENTITY,
    "name": column("name"),
    "prefix": column("prefix"),
    "scopes": column("scopes", array_of(ref("ApiKeyScope"))),
    "contact_email": column("contact_email"),
    "expires_at": instant("expires_at", STAMP_OR_NULL),
    "last_used_at": instant("last_used_at", STAMP_OR_NULL),
    "is_active": column("is_active", BOOLEAN),
    "owner": column("owner_id", UUID),
}
MEMBERS: Final[Members] = {
    "name": Member(text_of(*limits.KEY_NAME)),
    "scopes": Member(array_of(ref("ApiKeyScope"), minItems=1, maxItems=ITEMS_MAX), Body.texts),
    "contact_email": Member(or_null(EMAIL), Body.text_or_empty),
    "expires_at": Member(or_null(INSTANT), Body.instant_or_null),
}
REQUIRED: Final = ("name", "scopes")


def read_api_key(value: Any, *, is_new: bool) -> ApiKeyFields:
    """Return the fields: absent stays, null removes. Only types are checked here; the service checks the scopes."""
    return read_body(value, MEMBERS, REQUIRED if is_new else ())  # type: ignore[return-value]
