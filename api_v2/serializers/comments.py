"""Comments as JSON, and the bodies that describe them.

A deleted one keeps its place above its replies, without its text and author.
"""

import uuid
from typing import Any, Final

from api_v2.json_schema import NUMBER, STAMP_OR_NULL, TEXT, UUID, UUID_OR_NULL, ref
from api_v2.pagination import Row
from api_v2.serializers.bodies import Body
from api_v2.serializers.shapes import ENTITY, Field, Shape, Viewer, column, instant
from cms.choices import CommentStatus
from cms.errors import shown
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


GUEST_MEMBERS: Final = ("author_name", "author_email")
NEW_MEMBERS: Final = ("text", "parent", *GUEST_MEMBERS)
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


def read_new_comment(value: Any, viewer: Viewer) -> CommentFields:
    """Read a comment. GUEST_MEMBERS are for people without an account: the service refuses them to others."""
    body = Body(value, NEW_MEMBERS)
    fields: CommentFields = {"text": body.text("text", is_required=True) or ""}
    for name in GUEST_MEMBERS:
        given = body.text(name)
        if given is not None:
            fields[name] = given
    if "parent" in body and not body.is_null("parent"):
        fields["parent"] = _parent(body, viewer)
    body.finish()
    return fields


def read_comment_text(value: Any) -> str | None:
    """Return the text of a merge patch; None when it changes nothing."""
    body = Body(value, ("text",))
    text = body.text("text")
    body.finish()
    return text


def _parent(body: Body, viewer: Viewer) -> Comment | None:
    text = body.text("parent")
    if text is None:
        return None
    seen = Comment.objects.visible_to(viewer.actor, viewer.now)
    parent = with_id(seen, parse_uuid(text)).order_by().first()
    if parent is None:
        body.refuse("parent", "unknown", f"There is no comment {shown(text)}.")
    return parent
