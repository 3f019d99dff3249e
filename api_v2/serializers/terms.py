"""Tags and categories as JSON, and the bodies that describe them: absent stays, null takes away."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import orjson
from django.db.models.expressions import BaseExpression

from api_v2.json_schema import BOOLEAN, ID_OR_SLUG, NUMBER, UUID_OR_NULL, or_null, text_of
from api_v2.pagination import Row
from api_v2.query import named
from api_v2.serializers.bodies import Body, Member, Members, read_body
from api_v2.serializers.shapes import ENTITY, Shape, Viewer, column, write
from cms import limits
from cms.models import Category
from cms.policy import Actor
from cms.services.categories import CategoryFields
from cms.services.tags import TagFields

TAG: Final[Shape] = {
    **ENTITY,
    "name": column("name"),
    "slug": column("slug"),
    "description": column("description"),
    "post_count": column("usage_count", NUMBER),
}
CATEGORY: Final[Shape] = {
    **TAG,
    "post_count": column("post_count", NUMBER),
    "parent": column("visible_parent", UUID_OR_NULL),
    "is_active": column("is_active", BOOLEAN),
}


def category_columns(actor: Actor) -> dict[str, BaseExpression]:
    """Return the columns: a category that `actor` may not see is not named as a parent either."""
    return {"visible_parent": Category.objects.all().parent_visible_to(actor)}


def write_tree(rows: Iterable[Row], viewer: Viewer) -> list[orjson.Fragment]:
    """Return the roots, each category with its `children`, in the order of `rows`. A child of a hidden one is a root.

    It is ready-made JSON, from the leaves upwards: a tree's depth has no limit, but walking nested values has one.
    """
    by_parent: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        node = write(row, CATEGORY, CATEGORY, viewer)
        by_parent[node["parent"]].append(node)
    parents_first = list(by_parent[None])
    for node in parents_first:
        parents_first += by_parent[node["id"]]
    written: dict[Any, orjson.Fragment] = {}
    for node in reversed(parents_first):
        children = [written[child["id"]] for child in by_parent[node["id"]]]
        written[node["id"]] = orjson.Fragment(orjson.dumps({**node, "children": children}))
    return [written[root["id"]] for root in by_parent[None]]


def _parent(body: Body, name: str) -> Category | None:
    """Return the parent, by id or slug; null is the top."""
    seen = Category.objects.visible_to(body.viewer.actor)
    return body.found(name, "category", lambda text: seen.filter(**named(text)))


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
