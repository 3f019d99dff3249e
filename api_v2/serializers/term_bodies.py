"""The bodies that describe tags and categories, of new ones and of changes: absent stays, null takes away."""

from typing import Any, Final

from api_v2.json_schema import BOOLEAN, ID_OR_SLUG, or_null, text_of
from api_v2.serializers.bodies import Body, Member, Members, read_body
from api_v2.serializers.shapes import Viewer
from cms import limits
from cms.errors import shown
from cms.ids import parse_uuid
from cms.models import Category
from cms.services.categories import CategoryFields
from cms.services.tags import TagFields


def _parent(body: Body, name: str) -> Category | None:
    """Return the parent, by id or slug; null is the top."""
    if body.is_null(name):
        return None
    text = body.text(name)
    if text is None:
        return None
    as_uuid = parse_uuid(text)
    rows = Category.objects.visible_to(body.viewer.actor)
    parent = (rows.filter(pk=as_uuid) if as_uuid else rows.filter(slug=text)).first()
    if parent is None:
        body.refuse("unknown", f"There is no category {shown(text)}.", name)
    return parent


_DESCRIPTION: Final = Member(or_null(text_of(0, limits.DESCRIPTION_MAX)), Body.text_or_empty)
TAG_MEMBERS: Final[Members] = {
    "name": Member(text_of(*limits.TAG_NAME, pattern="^[^,]+$")),
    "slug": Member(text_of(*limits.SLUG)),
    "description": _DESCRIPTION,
}
CATEGORY_MEMBERS: Final[Members] = {
    "name": Member(text_of(*limits.CATEGORY_NAME)),
    "slug": Member(text_of(*limits.SLUG)),
    "description": _DESCRIPTION,
    "parent": Member(or_null(ID_OR_SLUG), _parent),
    "is_active": Member(BOOLEAN, Body.boolean),
}
REQUIRED: Final = ("name",)


def read_tag(value: Any, *, is_new: bool) -> TagFields:
    return read_body(value, TAG_MEMBERS, REQUIRED if is_new else ())  # type: ignore[return-value]


def read_category(value: Any, viewer: Viewer, *, is_new: bool) -> CategoryFields:
    return read_body(value, CATEGORY_MEMBERS, REQUIRED if is_new else (), viewer=viewer)  # type: ignore[return-value]
