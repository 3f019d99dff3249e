"""When time alone will change a post next: `Post.settles_at`, set under the row lock of the change that decides it."""

import datetime

from cms.choices import Status
from cms.models import Post


def plan_settling(post: Post, now: datetime.datetime) -> None:
    """After a change of state, whose own event tells what the post is at `now`: what is left is what comes later.

    An instant of expiry that has passed already is left too: nobody has been told of it in this state.
    """
    if post.status != Status.PUBLISHED:
        post.settles_at = None
    elif post.is_scheduled(now):
        post.settles_at = post.published_at
    else:
        post.settles_at = post.expires_at


def plan_expiry(post: Post) -> None:
    """After `expires_at` was changed: a publication that is still to be told of comes first."""
    is_publication_pending = post.settles_at is not None and post.settles_at == post.published_at
    if post.status == Status.PUBLISHED and not is_publication_pending:
        post.settles_at = post.expires_at
