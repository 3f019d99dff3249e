"""Comments: writing, editing, moderating, deleting."""

import datetime
import uuid
from typing import Final, TypedDict

from django.conf import settings
from django.db import transaction
from uuid_utils.compat import uuid7

from cms import limits, policy
from cms.choices import CommentStatus
from cms.errors import CommentEdited, FieldError, InvalidInput, InvalidTransition, PermissionRefused, sentence
from cms.ids import uuid7_at
from cms.models import Comment, Post, User
from cms.policy import Actor
from cms.rate_limits import COMMENTS, COMMENTS_ADDRESS, Quota, address_quotas, take_or_refuse
from cms.services.audit import record_event
from cms.services.checks import check_choice, check_email, check_name, check_text
from cms.services.kept_bytes import take_own_change
from cms.services.locks import hold_post, lock_row
from cms.services.origin import current_origin
from cms.services.personal_traces import forget_guest

_MODERATED: Final = (CommentStatus.PENDING, CommentStatus.REJECTED, CommentStatus.SPAM)
WAYS: Final = {
    CommentStatus.PENDING: (CommentStatus.PUBLISHED, CommentStatus.REJECTED, CommentStatus.SPAM, CommentStatus.DELETED),
    CommentStatus.PUBLISHED: (*_MODERATED, CommentStatus.DELETED),
    CommentStatus.REJECTED: (CommentStatus.DELETED,),
    CommentStatus.SPAM: (CommentStatus.DELETED,),
    CommentStatus.DELETED: (),
}
ACTIONS: Final = {
    CommentStatus.PUBLISHED: "comment.published",
    CommentStatus.REJECTED: "comment.rejected",
    CommentStatus.SPAM: "comment.spam",
    CommentStatus.PENDING: "comment.updated",
    CommentStatus.DELETED: "comment.deleted",
}
OWN_FIELDS: Final = {"text", "parent"}
GUEST_FIELDS: Final = {*OWN_FIELDS, "author_name", "author_email"}


class CommentFields(TypedDict, total=False):
    text: str
    parent: Comment | None
    # Guests and importers: the address is for moderators' tools alone, and no page or API shows it.
    author_name: str
    author_email: str
    # The rest is for importers: they write what others have said, when and in which state.
    author: User | None
    status: str
    created_at: datetime.datetime
    id: uuid.UUID


def create_comment(*, actor: Actor, post: Post, fields: CommentFields, now: datetime.datetime) -> Comment:
    """Create a comment by `actor` on a post visible to the caller. A subscriber's comment waits for a moderator.

    A guest's waits too, and has a name. Raises RateLimited for somebody who may not moderate and has written too many,
    and NotFound for a post that is gone.
    """
    is_guest = policy.may_comment_as_guest(actor)
    if not (is_guest or policy.may_comment(actor)):
        raise PermissionRefused("Only signed-in users write comments.")
    if actor is not policy.SYSTEM and fields.keys() - (GUEST_FIELDS if is_guest else OWN_FIELDS):
        raise PermissionRefused("Only importers write comments for others.")
    parent = fields.get("parent")
    is_deleted = fields.get("status") == CommentStatus.DELETED and not fields.get(
        "text"
    )  # keeps its place without a text
    errors = _guest_errors(fields) if is_guest else _imported_errors(actor, fields)
    errors += [] if is_deleted else _text_errors(fields.get("text", ""))
    if parent is not None:
        errors += _parent_errors(actor, post, parent, now)
    if errors:
        raise InvalidInput(errors)
    if not policy.may_moderate(actor):
        take_or_refuse(_quotas_of(actor), now, "comments")
    created_at = fields.get("created_at", now)
    is_published_at_once = policy.may_write_posts(actor)
    comment = Comment(
        **{
            "author": None if is_guest or actor is policy.SYSTEM else actor,
            "status": CommentStatus.PUBLISHED if is_published_at_once else CommentStatus.PENDING,
            **fields,
            # The ids of imported comments grow with time too, and so do the paths made of them.
            "id": fields.get("id") or (uuid7_at(created_at) if "created_at" in fields else uuid7()),
            "post": post,
            "depth": parent.depth + 1 if parent else 0,
            "created_at": created_at,
            "updated_at": created_at,
        }
    )
    comment.thread_path = f"{parent.thread_path}/{comment.id.hex}" if parent else comment.id.hex
    with transaction.atomic():
        hold_post(post)
        comment.save(force_insert=True)
        record_event(
            actor, "comment.created", comment, before={}, after={"post": str(post.pk), "status": comment.status}
        )
    return comment


def _quotas_of(actor: Actor) -> list[Quota]:
    """Return the limits of a guest's address, or of a user. Accounts that strangers make are free: so is another one.

    So these count by their address too, until an admin vouches for them or gives them a role.
    """
    ip = current_origin().ip
    if not isinstance(actor, User):
        return address_quotas(COMMENTS, ip)
    is_free = not (actor.is_vouched_for or actor.is_staff)
    return [Quota(COMMENTS, str(actor.pk)), *(address_quotas(COMMENTS_ADDRESS, ip) if is_free else [])]


def edit_comment(
    *, actor: Actor, comment: Comment, text: str, now: datetime.datetime, edition: str | None = None
) -> Comment:
    """Edit a comment, by its author or a moderator.

    Raises RateLimited for an author who has changed too much, and CommentEdited instead of replacing another text than
    that of the `edition`, if the caller names one.
    """
    if not policy.may_edit_comment(actor, comment):
        raise PermissionRefused("Only its author and moderators edit this comment.")
    if errors := _text_errors(text):
        raise InvalidInput(errors)
    take_own_change(actor, now)
    with transaction.atomic():
        comment = lock_row(comment)
        if comment.status == CommentStatus.DELETED:
            raise InvalidTransition("comment", comment.status, "edited", ())
        if edition not in (None, comment.edition):
            raise CommentEdited
        before = {"status": comment.status}
        comment.text, comment.edited_at, comment.updated_at = text, now, now
        if _needs_review(actor, comment):
            comment.status = CommentStatus.PENDING
        comment.save(update_fields=["text", "status", "edited_at", "updated_at"])
        record_event(actor, "comment.updated", comment, before=before, after={"status": comment.status})
    return comment


def moderate_comment(
    *, actor: Actor, comment: Comment, status: CommentStatus, now: datetime.datetime, edition: str | None = None
) -> Comment:
    """Publish, reject, mark as spam or send back to pending.

    Raises CommentEdited instead of publishing another text than that of the `edition`, if the caller names one.
    """
    if not policy.may_moderate(actor):
        raise PermissionRefused("Only editors moderate comments.")
    return _set_status(actor, comment, status, now, edition)


def delete_comment(*, actor: Actor, comment: Comment, now: datetime.datetime) -> Comment:
    """Delete a comment. Its text is gone for good; the row keeps its place in the thread."""
    if not policy.may_edit_comment(actor, comment):
        raise PermissionRefused("Only its author and moderators delete this comment.")
    return _set_status(actor, comment, CommentStatus.DELETED, now)


def _set_status(
    actor: Actor, comment: Comment, status: CommentStatus, now: datetime.datetime, edition: str | None = None
) -> Comment:
    with transaction.atomic():
        comment = lock_row(comment)
        ways = WAYS[CommentStatus(comment.status)]
        if status not in ways:
            raise InvalidTransition("comment", comment.status, status, ways)
        if status == CommentStatus.PUBLISHED and edition not in (None, comment.edition):
            raise CommentEdited
        before = {"status": comment.status}
        comment.status, comment.updated_at = status, now
        if status == CommentStatus.DELETED:
            comment.text = ""
            forget_guest(comment)
        comment.save(update_fields=["status", "text", "author_name", "author_email", "updated_at"])
        record_event(actor, ACTIONS[status], comment, before=before, after={"status": status})
    return comment


def _needs_review(actor: Actor, comment: Comment) -> bool:
    is_reviewed = comment.status == CommentStatus.PUBLISHED and not policy.may_moderate(actor)
    return settings.COMMENT_EDITS_NEED_REVIEW and is_reviewed


def _guest_errors(fields: CommentFields) -> list[FieldError]:
    errors = check_name("author_name", fields.get("author_name", ""), 1, limits.GUEST_NAME_MAX)
    email = fields.get("author_email", "")
    return errors + (check_email("author_email", email) if email else [])


def _imported_errors(actor: Actor, fields: CommentFields) -> list[FieldError]:
    name = fields.get("author_name", "")
    errors = check_text("author_name", name, 0, limits.GUEST_NAME_MAX)
    errors += check_text("author_email", fields.get("author_email", ""), 0, limits.EMAIL_MAX)
    errors += check_choice("status", fields.get("status", CommentStatus.PENDING), CommentStatus.values)
    if actor is policy.SYSTEM and not (name or fields.get("author")):
        errors.append(FieldError("author", "required", "A comment has an author or an author's name."))
    return errors


def _text_errors(text: str) -> list[FieldError]:
    return check_text("text", text, *limits.COMMENT_TEXT)


def _parent_errors(actor: Actor, post: Post, parent: Comment, now: datetime.datetime) -> list[FieldError]:
    # One that is hidden from the actor is refused in the same words: they tell nothing of it.
    # Importers bring answers to comments that were deleted before.
    standing = Comment.objects.visible_to(actor, now).exclude(status=CommentStatus.DELETED)
    standing = Comment.objects.all() if actor is policy.SYSTEM else standing
    if parent.post_id != post.pk or not standing.filter(pk=parent.pk).exists():
        return [FieldError("parent", "invalid_parent", "A reply answers a comment of the same post that still stands.")]
    if parent.depth >= limits.COMMENT_DEPTH_MAX:
        return [
            FieldError(
                "parent",
                "too_deep",
                sentence("Threads are at most %(most)s levels deep.", most=limits.COMMENT_DEPTH_MAX),
            )
        ]
    return []
