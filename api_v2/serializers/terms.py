"""Tags and categories as JSON."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import orjson
from django.db.models.expressions import BaseExpression

from api_v2.json_schema import BOOLEAN, NUMBER, UUID_OR_NULL
from api_v2.pagination import Row
from api_v2.serializers.shapes import ENTITY, Shape, Viewer, column, write
from cms.models import Category
from cms.policy import Actor

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
