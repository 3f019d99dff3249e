"""When time alone will change a post next: `Post.settles_at`, set under the row lock of the change that decides it."""

import datetime

from cms.choices import Status
from cms.models import Post


def plan_settling(post: Post, now: datetime.datetime) -> None:
    """Plan the next instant after a change of state, whose own event shows the post at `now`: later instants remain.

    An instant of expiry that has passed already is left too: nobody has been told of it in this state.
    """
    if post.status != Status.PUBLISHED:
        post.settles_at = None
    elif post.is_scheduled(now):
        post.settles_at = post.published_at
    else:
        post.settles_at = post.expires_at


def plan_expiry(post: Post) -> None:
    """Plan again after a change of `expires_at`: a publication that has no event yet comes first."""
    is_publication_pending = post.settles_at is not None and post.settles_at == post.published_at
    if post.status == Status.PUBLISHED and not is_publication_pending:
        post.settles_at = post.expires_at
