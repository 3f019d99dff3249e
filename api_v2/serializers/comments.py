"""Comments as JSON, and the bodies that describe them.

A deleted one keeps its place above its replies, without its text and author.
"""

import uuid
from typing import Any, Final

from api_v2.json_schema import EMAIL, NUMBER, STAMP_OR_NULL, TEXT, UUID, UUID_OR_NULL, described, or_null, ref, text_of
from api_v2.pagination import Row
from api_v2.serializers.bodies import Body, Member, Members, read_body
from api_v2.serializers.shapes import ENTITY, Field, Shape, Viewer, column, instant
from cms import limits
from cms.choices import CommentStatus
from cms.ids import parse_uuid, with_id
from cms.models import Comment
from cms.services.comments import CommentFields


def _author(row: Row, _: Viewer) -> uuid.UUID | None:
    return None if row["status"] == CommentStatus.DELETED else row["author_id"]


def _author_name(row: Row, _: Viewer) -> str:
    """Return the name a user chose, or an imported guest wrote; never the civil name, which is not public."""
    if row["status"] == CommentStatus.DELETED:
        return ""
    name: str = row["author__display_name"] or row["author__username"] or row["author_name"]
    return name


COMMENT: Final[Shape] = {
    **ENTITY,
    "post": column("post_id", UUID),
    "author": Field(("author_id", "status"), _author, UUID_OR_NULL),
    "author_name": Field(("author__display_name", "author__username", "author_name", "status"), _author_name, TEXT),
    "text": column("text"),
    "status": column("status", ref("CommentStatus")),
    "parent": column("parent_id", UUID_OR_NULL),
    "depth": column("depth", NUMBER),
    "edited_at": instant("edited_at", STAMP_OR_NULL),
}


def _parent(body: Body, name: str) -> Comment | None:
    seen = Comment.objects.visible_to(body.viewer.actor, body.viewer.now)
    return body.found(name, "comment", lambda text: with_id(seen, parse_uuid(text)))


CHANGES: Final[Members] = {"text": Member(text_of(*limits.COMMENT_TEXT))}
NEW_MEMBERS: Final[Members] = {
    **CHANGES,
    "parent": Member(or_null(described(UUID, "A comment.")), _parent),
    "author_name": Member(text_of(1, limits.GUEST_NAME_MAX, description="For people without an account, who need it.")),
    "author_email": Member(described(EMAIL, "For people without an account, if they like. No answer shows it.")),
}
REQUIRED: Final = ("text",)


def read_new_comment(value: Any, viewer: Viewer) -> CommentFields:
    """Read a comment. Name and address are for people without an account: the service refuses them to others."""
    return read_body(value, NEW_MEMBERS, REQUIRED, viewer=viewer)  # type: ignore[return-value]


def read_comment_text(value: Any) -> str | None:
    """Return the text of a merge patch; None when it changes nothing."""
    return read_body(value, CHANGES).get("text")
