"""Revisions: what a post's content was after each change."""

import datetime
from typing import Any

from django.db.models import Max

from cms.models import Post, PostRevision, User
from cms.policy import Actor

SNAPSHOT_FIELDS = (
    "title",
    "slug",
    "content",
    "content_format",
    "excerpt",
    "is_excerpt_derived",
    "language",
    "meta_title",
    "meta_description",
)


def write_revision(actor: Actor, post: Post, reason: str, now: datetime.datetime) -> PostRevision:
    """The next revision. The caller holds the post's row lock, so numbers have no gaps and no twins."""
    highest = post.revisions.aggregate(highest=Max("number"))["highest"] or 0
    return PostRevision.objects.create(
        post=post,
        number=highest + 1,
        snapshot=_snapshot(post),
        author=actor if isinstance(actor, User) else None,
        reason=reason,
        created_at=now,
        updated_at=now,
    )


def _snapshot(post: Post) -> dict[str, Any]:
    return {name: getattr(post, name) for name in SNAPSHOT_FIELDS}
