"""API keys as JSON, never with their secret, and the bodies that describe them."""

from typing import Any, Final

from api_v2.json_schema import BOOLEAN, STAMP_OR_NULL, UUID, array_of, ref
from api_v2.serializers.bodies import Body
from api_v2.serializers.shapes import ENTITY, Shape, column, instant
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
MEMBERS: Final = ("name", "scopes", "contact_email", "expires_at")


def read_api_key(value: Any, *, is_new: bool) -> ApiKeyFields:
    """Return the fields: absent stays, null removes. Only types are checked here; the service checks the scopes."""
    body = Body(value, MEMBERS)
    fields: dict[str, Any] = {}
    if is_new or "name" in body:
        fields["name"] = body.text("name", is_required=is_new)
    if is_new or "scopes" in body:
        fields["scopes"] = body.required_texts("scopes")
    if "contact_email" in body:
        fields["contact_email"] = body.text_or_empty("contact_email")
    if "expires_at" in body:
        fields["expires_at"] = body.instant_or_null("expires_at")
    body.finish()
    return fields  # type: ignore[return-value]
