"""A post's and a comment's state as a reader of the admin site sees it: a word and the colour of its label."""

import datetime
from typing import Any, Final

from django.utils.translation import pgettext_lazy

from cms.choices import CommentStatus, Status
from cms.models import Post

POST_COLOURS = {
    "draft": "info",
    "scheduled": "warning",
    "published": "success",
    "expired": "warning",
    "archived": "primary",
    "trashed": "danger",
}
POST_STATES: Final[dict[str, Any]] = {
    "draft": pgettext_lazy("state", "draft"),
    "scheduled": pgettext_lazy("state", "scheduled"),
    "published": pgettext_lazy("state", "published"),
    "expired": pgettext_lazy("state", "expired"),
    "archived": pgettext_lazy("state", "archived"),
    "trashed": pgettext_lazy("state", "trashed"),
}
COMMENT_STATES: Final[dict[str, Any]] = {
    CommentStatus.PENDING.value: pgettext_lazy("state", "pending"),
    CommentStatus.PUBLISHED.value: pgettext_lazy("comment", "published"),
    CommentStatus.REJECTED.value: pgettext_lazy("state", "rejected"),
    CommentStatus.SPAM.value: pgettext_lazy("state", "spam"),
}
IN_REFUSALS: Final = (
    pgettext_lazy("state", "accepted"),
    pgettext_lazy("state", "changed"),
    pgettext_lazy("state", "confirmed"),
    pgettext_lazy("state", "dead"),
    pgettext_lazy("state", "deleted"),
    pgettext_lazy("state", "delivered"),
    pgettext_lazy("state", "none"),
    pgettext_lazy("state", "previewed"),
    pgettext_lazy("state", "removed"),
    pgettext_lazy("state", "replayed"),
    pgettext_lazy("state", "restored"),
    pgettext_lazy("state", "sent now"),
    pgettext_lazy("state", "set up"),
    pgettext_lazy("state", "switched off"),
    pgettext_lazy("state", "tested"),
)
"""Words of the refusals of a change, which `cms.errors.translated` puts into their sentences."""
COMMENT_COLOURS = {
    CommentStatus.PENDING.value: "warning",
    CommentStatus.PUBLISHED.value: "success",
    CommentStatus.REJECTED.value: "danger",
    CommentStatus.SPAM.value: "danger",
}


def shown_status(post: Post, now: datetime.datetime) -> tuple[str, str]:
    """Return the state and its colour; "scheduled" and "expired" are published posts before and after their time."""
    state = str(post.status)
    if post.is_scheduled(now):
        state = "scheduled"
    elif post.status == Status.PUBLISHED and post.expires_at and post.expires_at <= now:
        state = "expired"
    return state, POST_COLOURS[state]
