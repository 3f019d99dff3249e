"""The one rule of visibility: which posts are public at an instant."""

import datetime

from django.db.models import Q

from cms.choices import Status, Visibility

NEVER = datetime.datetime(9999, 1, 1, tzinfo=datetime.UTC)


def is_public(now: datetime.datetime) -> Q:
    """Return the rule for posts: published by `now`, open to everyone and not expired."""
    published = Q(status=Status.PUBLISHED, visibility=Visibility.PUBLIC, published_at__lte=now)
    return published & (Q(expires_at=None) | Q(expires_at__gt=now))
