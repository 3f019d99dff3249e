"""Queries for tags."""

import datetime
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import OuterRef, Q

from cms import policy
from cms.policy import Actor
from cms.querysets.visibility import has_any

if TYPE_CHECKING:
    from cms.models.tags import Tag


class TagQuerySet(models.QuerySet["Tag"]):
    def visible_to(self, user: Actor, now: datetime.datetime) -> Self:
        """Return the tags that a public post or page carries, and all of them for editors.

        A stored count above 0 answers without a look at the posts: it never includes a post before it is public, and is
        at most a minute behind one that has expired. Every other tag is looked for, for pages are in no count.
        """
        if policy.may_manage_terms(user):
            return self.all()
        return self.filter(Q(usage_count__gt=0) | _is_in(_posts().public(now)))

    def met_by(self, user: Actor, now: datetime.datetime) -> Self:
        """Return the tags of posts that `user` may see, own drafts too, and all of them for editors."""
        return self.all() if policy.may_manage_terms(user) else self.filter(_is_in(_posts().visible_to(user, now)))

    def by_name(self) -> Self:
        return self.order_by("name", "id")


def _posts() -> Any:
    return apps.get_model("cms", "Post").objects


def _is_in(posts: Any) -> Q:
    return has_any(posts.filter(tags=OuterRef("pk")))
