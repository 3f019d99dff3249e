"""Writing comments: under the post that came just before them, and under their parents."""

import re

from cms import limits
from cms.choices import CommentStatus
from cms.errors import FieldError, InvalidInput
from cms.importers.cleaning import Notes, fit_text, is_visible
from cms.importers.context import Context
from cms.importers.items import CommentItem
from cms.models import Comment, Post
from cms.policy import SYSTEM
from cms.services.checks import check_text
from cms.services.comments import WAYS, CommentFields, create_comment, edit_comment, moderate_comment


def create(context: Context, item: CommentItem, notes: Notes) -> tuple[Comment, bool]:
    post: Post | None = context.find("post", item.post)
    if post is None:
        raise InvalidInput([FieldError("post", "missing", "Its post was not imported.")])
    fields: CommentFields = {
        "text": ""
        if item.status == CommentStatus.DELETED
        else fit_text("text", item.text, limits.COMMENT_TEXT[1], notes),
        "status": item.status,
        "parent": _parent(context, item, notes),
        "created_at": item.created_at or context.now,
    }
    if item.id is not None:
        fields["id"] = item.id
    author = context.find("user", item.author) if item.author else None
    if author is not None:
        fields["author"] = author
    else:
        fields["author_name"] = _guest_name(item, notes)
        fields["author_email"] = fit_text("author_email", item.author_email, limits.EMAIL_MAX, notes)
    return create_comment(actor=SYSTEM, post=post, fields=fields, now=context.now), True


def update(context: Context, comment: Comment, item: CommentItem, notes: Notes) -> Comment:
    """Update text and status; author, time and place stay as they were."""
    text = fit_text("text", item.text, limits.COMMENT_TEXT[1], notes)
    if comment.status == CommentStatus.DELETED:
        notes.note("text", item.text, "", "The comment was deleted here and stays deleted.")
        return comment
    if text != comment.text:
        comment = edit_comment(actor=SYSTEM, comment=comment, text=text, now=context.now)
    if item.status != comment.status and item.status in WAYS[CommentStatus(comment.status)]:
        comment = moderate_comment(actor=SYSTEM, comment=comment, status=item.status, now=context.now)
    elif item.status != comment.status:
        notes.note("status", item.status, comment.status, "A comment can't go from its state here to this one.")
    for name in ("author_name", "author_email"):
        if comment.author_id is None and getattr(item, name) != getattr(comment, name):
            notes.note(name, getattr(item, name), getattr(comment, name), "The author of a comment is not changed.")
    return comment


def _parent(context: Context, item: CommentItem, notes: Notes) -> Comment | None:
    if item.parent is None:
        return None
    parent: Comment | None = context.find("comment", item.parent)
    if parent is None or (parent.status == CommentStatus.DELETED and not item.is_parent_deleted):
        notes.note("parent", item.parent, None, "The comment that it answers was not imported.")
        return None
    while parent is not None and parent.depth >= limits.COMMENT_DEPTH_MAX:
        notes.note(
            "parent", item.parent, str(parent.parent_id), f"Threads are at most {limits.COMMENT_DEPTH_MAX} levels deep."
        )
        parent = parent.parent
    return parent


def _guest_name(item: CommentItem, notes: Notes) -> str:
    if notes.is_exact and not check_text("author_name", item.author_name, 1, limits.GUEST_NAME_MAX):
        return item.author_name
    name = re.sub(r"\s+", " ", item.author_name).strip()
    if not is_visible(name):
        notes.note("author_name", item.author_name, "Anonymous", "A guest has a name.")
        return "Anonymous"
    return fit_text("author_name", name, limits.GUEST_NAME_MAX, notes)
