"""The bodies that describe tags and categories, of new ones and of changes: absent stays, null takes away."""

from typing import Any, Final

from api_v2.serializers.bodies import Body
from cms.errors import shown
from cms.ids import parse_uuid
from cms.models import Category
from cms.policy import Actor
from cms.services.categories import CategoryFields
from cms.services.tags import TagFields

TAG_MEMBERS: Final = ("name", "slug", "description")
CATEGORY_MEMBERS: Final = (*TAG_MEMBERS, "parent", "is_active")


def read_tag(value: Any, *, is_new: bool) -> TagFields:
    body = Body(value, TAG_MEMBERS)
    fields = _texts(body, is_new=is_new)
    body.finish()
    return fields  # type: ignore[return-value]


def read_category(value: Any, actor: Actor, *, is_new: bool) -> CategoryFields:
    body = Body(value, CATEGORY_MEMBERS)
    fields = _texts(body, is_new=is_new)
    if "parent" in body:
        fields["parent"] = _parent(body, actor)
    if "is_active" in body:
        fields["is_active"] = body.boolean("is_active")
    body.finish()
    return fields  # type: ignore[return-value]


def _texts(body: Body, *, is_new: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if is_new or "name" in body:
        fields["name"] = body.text("name", is_required=is_new)
    if "slug" in body:
        fields["slug"] = body.text("slug")
    if "description" in body:
        fields["description"] = body.text_or_empty("description")
    return fields


def _parent(body: Body, actor: Actor) -> Category | None:
    """Return the parent, by id or slug; null is the top."""
    if body.is_null("parent"):
        return None
    text = body.text("parent")
    if text is None:
        return None
    as_uuid = parse_uuid(text)
    rows = Category.objects.visible_to(actor)
    parent = (rows.filter(pk=as_uuid) if as_uuid else rows.filter(slug=text)).first()
    if parent is None:
        body.refuse("parent", "unknown", f"There is no category {shown(text)}.")
    return parent
