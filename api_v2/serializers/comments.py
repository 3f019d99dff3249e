"""Comments as JSON. Of a deleted one, which keeps its place above its answers, neither text nor author is told."""

import uuid
from typing import Final

from api_v2.pagination import Row
from api_v2.serializers.shapes import Field, Shape, Viewer, column, instant
from cms.choices import CommentStatus


def _author(row: Row, _: Viewer) -> uuid.UUID | None:
    return None if row["status"] == CommentStatus.DELETED else row["author_id"]


def _author_name(row: Row, _: Viewer) -> str:
    """What a user wants to be called, or what an imported guest wrote; never the civil name, which is not public."""
    if row["status"] == CommentStatus.DELETED:
        return ""
    name: str = row["author__display_name"] or row["author__username"] or row["author_name"]
    return name


COMMENT: Final[Shape] = {
    "id": column("id"),
    "created_at": instant("created_at"),
    "updated_at": instant("updated_at"),
    "post": column("post_id"),
    "author": Field(("author_id", "status"), _author),
    "author_name": Field(("author__display_name", "author__username", "author_name", "status"), _author_name),
    "text": column("text"),
    "status": column("status"),
    "parent": column("parent_id"),
    "depth": column("depth"),
    "edited_at": instant("edited_at"),
}
