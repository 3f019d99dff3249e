"""A post's and a comment's state as a reader of the admin site sees it: a word and the colour of its label."""

import datetime

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
COMMENT_COLOURS = {
    CommentStatus.PENDING.value: "warning",
    CommentStatus.PUBLISHED.value: "success",
    CommentStatus.REJECTED.value: "danger",
    CommentStatus.SPAM.value: "danger",
}


def shown_status(post: Post, now: datetime.datetime) -> tuple[str, str]:
    """The state and its colour; "scheduled" and "expired" are published posts before and after their time."""
    state = str(post.status)
    if post.is_scheduled(now):
        state = "scheduled"
    elif post.status == Status.PUBLISHED and post.expires_at and post.expires_at <= now:
        state = "expired"
    return state, POST_COLOURS[state]
