"""Comments: moderating them."""

import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator
from unfold.decorators import display
from unfold.enums import ActionVariant

from cms import clock, policy
from cms.admin.dialogs import Change, button, for_selected
from cms.admin.options import DeletableAdmin, instant_column, wide
from cms.admin.status import COMMENT_COLOURS
from cms.choices import CommentStatus
from cms.models import Comment
from cms.policy import Actor
from cms.services.comments import WAYS, delete_comment, edit_comment, moderate_comment


def _moderation(
    name: str, label: str, done: str, status: CommentStatus, icon: str, question: str, **look: Any
) -> Change:
    def apply(request: HttpRequest, comment: Comment, now: datetime.datetime) -> None:
        moderate_comment(actor=request.user, comment=comment, status=status, now=now)

    return Change(name, label, done, apply, icon, question, **look)


_published, _rejected = CommentStatus.PUBLISHED, CommentStatus.REJECTED
APPROVE = _moderation(
    *("approve", "Approve", "approved", _published, "check", "Every reader of the post sees it."),
    variant=ActionVariant.PRIMARY,
)
REJECT = _moderation(
    "reject", "Reject", "rejected", _rejected, "block", "Only moderators see it; there is no way back."
)
SPAM = _moderation(
    *("spam", "Mark as spam", "marked as spam", CommentStatus.SPAM, "report"),
    question="Only moderators see it; there is no way back.",
)
PENDING = _moderation(
    *("pending", "Back to pending", "sent back to pending", CommentStatus.PENDING, "hourglass_empty"),
    question="Readers don't see it until it is approved again.",
)
CHANGES = {
    CommentStatus.PUBLISHED: APPROVE,
    CommentStatus.REJECTED: REJECT,
    CommentStatus.SPAM: SPAM,
    CommentStatus.PENDING: PENDING,
}


@admin.register(Comment)
class CommentAdmin(DeletableAdmin):
    may_manage = staticmethod(policy.may_moderate)
    list_display = ["beginning", "shown_status", "writer", "post", "written"]
    list_filter = ["status", "created_at"]
    list_select_related = ["post", "author"]
    search_fields = ["text", "author__username", "author_name", "post__title"]
    search_help_text = "Text, writer or title of the post"
    ordering = ["-pk"]  # ids grow with time, of imported comments too
    unlisted_fields = ("post__content", "post__content_html")
    actions = [*(for_selected(change) for change in CHANGES.values()), "delete_selected"]
    actions_detail = [change.name for change in CHANGES.values()]
    readonly_fields = ["post", "writer", "answers", "shown_status", "created_at", "edited_at"]
    fieldsets = (
        (None, {"fields": ["text"]}),
        ("Where it stands", {"fields": ["post", "answers", ("writer", "shown_status"), ("created_at", "edited_at")]}),
    )

    written = instant_column("created_at", "Written")
    approve, reject, spam, pending = button(APPROVE), button(REJECT), button(SPAM), button(PENDING)

    @display(description="Text")
    def beginning(self, comment: Comment) -> str:
        return wide(Truncator(comment.text).chars(80))

    @display(description="Status", ordering="status", label=COMMENT_COLOURS)
    def shown_status(self, comment: Comment) -> str:
        return str(comment.status)

    @display(description="Writer", ordering="author__username")
    def writer(self, comment: Comment) -> str:
        return str(comment.author) if comment.author else f"{comment.author_name} (guest)"

    @display(description="Answers")
    def answers(self, comment: Comment) -> str:
        """The comment it answers to, of which a deleted one has no text left."""
        return str(comment.parent) or "a deleted comment" if comment.parent else "-"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Comment]:
        return super().get_queryset(request).visible_to(request.user, clock.now()).exclude(status=CommentStatus.DELETED)

    def get_actions_detail(self, request: HttpRequest, object_id: int | str) -> list[Any]:
        """Only the ways that lead on from the comment's status."""
        comment = self.get_object(request, str(object_id))
        ways = WAYS[CommentStatus(comment.status)] if comment else ()
        names = {CHANGES[way].name for way in ways if way in CHANGES}
        actions = super().get_actions_detail(request, object_id)
        return [one for one in actions if one.action_name.removeprefix("cms_comment_") in names]

    def update(self, actor: Actor, row: Comment, changes: dict[str, Any], now: datetime.datetime) -> Comment:
        return edit_comment(actor=actor, comment=row, text=changes["text"], now=now)

    def delete(self, actor: Actor, row: Comment, now: datetime.datetime) -> None:
        delete_comment(actor=actor, comment=row, now=now)
