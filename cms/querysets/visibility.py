"""The one rule of visibility: which posts are public at an instant."""

import datetime

from django.db.models import Q

from cms.choices import Status, Visibility

NEVER = datetime.datetime(9999, 1, 1, tzinfo=datetime.UTC)


def _is_public(now: datetime.datetime, prefix: str = "") -> Q:
    return Q(
        **{
            f"{prefix}status": Status.PUBLISHED,
            f"{prefix}visibility": Visibility.PUBLIC,
            f"{prefix}published_at__lte": now,
        }
    ) & (Q(**{f"{prefix}expires_at": None}) | Q(**{f"{prefix}expires_at__gt": now}))
