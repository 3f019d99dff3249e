"""The first page: what waits for this user, by queries that an index answers however many rows there are."""

from typing import Any

from django.http import HttpRequest

from cms import clock, policy
from cms.admin.status import shown_status
from cms.choices import CommentStatus
from cms.models import Comment, Post

SHOWN = 8


def dashboard_context(request: HttpRequest) -> dict[str, Any]:
    now = clock.now()
    posts = Post.objects.editable_by(request.user).posts().not_trashed().select_related("author")
    newest = posts.defer("content", "content_html").order_by("-created_at", "-id")[:SHOWN]
    return {
        "newest_posts": [(post, *shown_status(post, now)) for post in newest],
        "may_write_posts": policy.may_write_posts(request.user),
        "may_moderate": policy.may_moderate(request.user),
        "waiting_comments": _waiting_comments() if policy.may_moderate(request.user) else [],
    }


def _waiting_comments() -> list[Comment]:
    waiting = Comment.objects.filter(status=CommentStatus.PENDING).select_related("post", "author")
    return list(waiting.defer("post__content", "post__content_html").order_by("created_at")[:SHOWN])
