"""The one rule of visibility: which posts are public at an instant, and when that next changes."""

import datetime
from typing import Any

from django.db.models import DateTimeField, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Least
from django.db.models.lookups import IsNull

from cms.choices import Status, Visibility

NEVER = datetime.datetime(9999, 1, 1, tzinfo=datetime.UTC)


def is_public(now: datetime.datetime) -> Q:
    """Return the rule for posts: published by `now`, open to everyone and not expired."""
    published = Q(status=Status.PUBLISHED, visibility=Visibility.PUBLIC, published_at__lte=now)
    return published & (Q(expires_at=None) | Q(expires_at__gt=now))


def next_change(posts: Any, now: datetime.datetime) -> Least:
    """Return the expression for the instant at which time alone next changes what is public; else NEVER.

    A post that waits for its scheduler since before `now` has told only of the instant that has passed.
    """
    first = posts.filter(settles_at__gt=now).order_by("settles_at").values("settles_at")
    late = posts.filter(settles_at__lte=now, expires_at__gt=now).order_by("expires_at").values("expires_at")
    instants = (Coalesce(Subquery(rows[:1]), Value(NEVER)) for rows in (first, late))
    return Least(*instants, output_field=DateTimeField())


def has_any(rows: QuerySet[Any]) -> Q:
    """Return whether rows exist, by an index probe for each outer row: PostgreSQL would hash all posts to list 20.

    The rows need an order that only an index by the outer row gives at once. Without one the planner reads the whole
    table from its beginning, in the hope of an early hit, for each outer row that has none.
    """
    return Q(IsNull(Subquery(rows.values("pk")[:1]), False))
