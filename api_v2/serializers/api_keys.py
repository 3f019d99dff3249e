"""API keys as JSON, never with their secret, and the bodies that describe them."""

from typing import Any, Final

from api_v2.serializers.bodies import Body
from api_v2.serializers.shapes import Shape, column, instant
from cms.services.api_keys import ApiKeyFields

API_KEY: Final[Shape] = {
    "id": column("id"),
    "created_at": instant("created_at"),
    "updated_at": instant("updated_at"),
    "name": column("name"),
    "prefix": column("prefix"),
    "scopes": column("scopes"),
    "contact_email": column("contact_email"),
    "expires_at": instant("expires_at"),
    "last_used_at": instant("last_used_at"),
    "is_active": column("is_active"),
    "owner": column("owner_id"),
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
