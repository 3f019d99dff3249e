"""Revisions as JSON: what a post said at one point, and in which fields two of them differ."""

from collections.abc import Iterable
from typing import Any, Final

from api_v2.json_schema import BOOLEAN, POSITIVE, TEXT_OR_NULL, UUID, UUID_OR_NULL, described, ref
from api_v2.pagination import Row
from api_v2.serializers.shapes import ENTITY, Field, Shape, Viewer, column
from cms import limits
from cms.querysets.posts import kept_text
from cms.services.revisions import FieldChange

_NAMES: Final = {"meta_title": "meta.title", "meta_description": "meta.description"}
# Whether an excerpt was derived is a matter of storing it: what it says is compared.
_UNTOLD: Final = frozenset({"is_excerpt_derived"})


TEXTS: Final = {f"old_{name}": kept_text(name) for name in limits.KEPT_TEXTS_MAX}
"""Read by the database, for the content beside them is long. A revision from before a field existed lacks it."""


def _meta(row: Row, _: Viewer) -> dict[str, Any]:
    return {name: row[f"old_meta_{name}"] for name in ("title", "description")}


def _links(row: Row, viewer: Viewer) -> dict[str, str]:
    post = f"{viewer.base}/posts/{row['post_id']}"
    return {"self": f"{post}/revisions/{row['number']}", "post": post}


SUMMARY: Final[Shape] = {
    **ENTITY,
    "post": column("post_id", UUID),
    "number": column("number", POSITIVE),
    "is_draft": column("is_draft", described(BOOLEAN, "Nobody reads it in the post until it is applied.")),
    "author": column("author_id", UUID_OR_NULL),
    "reason": column("reason"),
    "title": column("old_title", TEXT_OR_NULL),
    "slug": column("old_slug", TEXT_OR_NULL),
    "links": Field(("post_id", "number"), _links, ref("RevisionLinks")),
}
REVISION: Final[Shape] = {
    **SUMMARY,
    "content": column("old_content", TEXT_OR_NULL),
    "content_format": column("old_content_format", TEXT_OR_NULL),
    "excerpt": column("old_excerpt", TEXT_OR_NULL),
    "language": column("old_language", TEXT_OR_NULL),
    "featured_image": column("snapshot__featured_image", UUID_OR_NULL),
    "meta": Field(("old_meta_title", "old_meta_description"), _meta, ref("RevisionMeta")),
}


def write_changes(changes: Iterable[FieldChange]) -> list[dict[str, Any]]:
    """Return changes: `field` is a name of the Post shape, `diff` a unified diff, null for fields of one line."""
    return [
        {
            "field": _NAMES.get(change.field, change.field),
            "before": change.before,
            "after": change.after,
            "diff": change.diff,
        }
        for change in changes
        if change.field not in _UNTOLD
    ]
