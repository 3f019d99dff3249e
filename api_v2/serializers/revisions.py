"""Revisions as JSON: what a post said at one point, and in which fields two of them differ."""

from collections.abc import Iterable
from typing import Any, Final

from api_v2.pagination import Row
from api_v2.serializers.shapes import Field, Shape, Viewer, column, instant
from cms.services.revisions import FieldChange

_NAMES: Final = {"meta_title": "meta.title", "meta_description": "meta.description"}
# Whether an excerpt was derived is a matter of storing it: what it says is compared.
_UNTOLD: Final = frozenset({"is_excerpt_derived"})


def _of_snapshot(name: str) -> Field:
    """Read by the database, for the content beside it is long. A revision from before a field existed lacks it."""
    return column(f"snapshot__{name}")


def _meta(row: Row, _: Viewer) -> dict[str, Any]:
    return {name: row[f"snapshot__meta_{name}"] for name in ("title", "description")}


def _links(row: Row, viewer: Viewer) -> dict[str, str]:
    post = f"{viewer.base}/posts/{row['post_id']}"
    return {"self": f"{post}/revisions/{row['number']}", "post": post}


SUMMARY: Final[Shape] = {
    "id": column("id"),
    "created_at": instant("created_at"),
    "updated_at": instant("updated_at"),
    "post": column("post_id"),
    "number": column("number"),
    "is_draft": column("is_draft"),
    "author": column("author_id"),
    "reason": column("reason"),
    "title": _of_snapshot("title"),
    "slug": _of_snapshot("slug"),
    "links": Field(("post_id", "number"), _links),
}
REVISION: Final[Shape] = {
    **SUMMARY,
    "content": _of_snapshot("content"),
    "content_format": _of_snapshot("content_format"),
    "excerpt": _of_snapshot("excerpt"),
    "language": _of_snapshot("language"),
    "featured_image": _of_snapshot("featured_image"),
    "meta": Field(("snapshot__meta_title", "snapshot__meta_description"), _meta),
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
