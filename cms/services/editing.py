"""Who has the form of a post open: each open form asks again and again, and is forgotten soon after it stops."""

import datetime
from typing import Final

from django.db.models import QuerySet

from cms import policy
from cms.errors import PermissionRefused
from cms.models import Editing, Post, User

ASKS_EVERY_S: Final = 10
SEEN_S: Final = 25
"""Two questions may be lost."""


def note_editing(*, user: User, post: Post, now: datetime.datetime) -> None:
    """Note that this user has the form open. Raises PermissionRefused for those who may not change the post."""
    if not policy.may_edit_post(user, post):
        raise PermissionRefused("Only its authors and editors change this post.")
    Editing.objects.update_or_create(post=post, user=user, defaults={"seen_at": now})
    Editing.objects.filter(seen_at__lt=_still_there(now)).delete()


def end_editing(*, user: User, post: Post) -> None:
    """Forget the user at once, who has closed the form."""
    Editing.objects.filter(post=post, user=user).delete()


def others_editing(*, user: User, post: Post, now: datetime.datetime) -> QuerySet[User]:
    """Return the users who have the form of this post open too, by name."""
    seen = Editing.objects.filter(post=post, seen_at__gte=_still_there(now))
    return User.objects.filter(pk__in=seen.exclude(user=user).values("user")).order_by("username")


def _still_there(now: datetime.datetime) -> datetime.datetime:
    return now - datetime.timedelta(seconds=SEEN_S)
