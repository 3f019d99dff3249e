"""Queries for tags."""

import datetime
import uuid
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q

from cms import policy
from cms.choices import Kind
from cms.policy import Actor
from cms.querysets.visibility import has_any

if TYPE_CHECKING:
    from cms.models.tags import Tag


class TagQuerySet(models.QuerySet["Tag"]):
    def visible_to(self, user: Actor, now: datetime.datetime) -> Self:
        """Return the tags that a public post or page carries, and all of them for editors.

        A stored count above 0 answers without a look at the posts: it never includes a post before it is public, and
        includes one that has expired until a worker settles it. Posts that no count has yet, and pages, which none ever
        has, are few. No tag is looked for by itself: anybody who writes may name very many, on drafts and on nothing.
        """
        return self.all() if policy.may_manage_terms(user) else self.filter(_is_public(now))

    def few_met_by(self, user: Actor, now: datetime.datetime, ids: Collection[uuid.UUID]) -> Self:
        """Return those of `met_by` with these ids. Each is looked for by itself, which ends at its first post."""
        few = self.filter(pk__in=ids)
        if policy.may_manage_terms(user):
            return few
        links = _links().filter(tag_id=OuterRef("pk")).order_by("post_id")
        seen = links.filter(Exists(_posts().visible_to(user, now).filter(pk=OuterRef("post_id"))))
        return few.filter(Q(usage_count__gt=0) | has_any(seen))

    def met_by(self, user: Actor, now: datetime.datetime) -> Self:
        """Return the tags of posts that `user` may see, own drafts too, and all of them for editors."""
        if policy.may_manage_terms(user):
            return self.all()
        own = _is_in(_posts().written_by(user.pk)) if policy.is_known(user) else Q()
        return self.filter(_is_public(now) | own)

    def by_name(self) -> Self:
        return self.order_by("name", "id")


def _posts() -> Any:
    return apps.get_model("cms", "Post").objects


def _is_public(now: datetime.datetime) -> Q:
    uncounted = _posts().public(now).filter(is_counted=False)
    late, pages = uncounted.filter(settles_at__lte=now), uncounted.filter(kind=Kind.PAGE)
    return Q(usage_count__gt=0) | _is_in(late) | _is_in(pages)


def _is_in(posts: Any) -> Q:
    return Q(pk__in=_links().filter(post_id__in=posts.order_by().values("pk")).values("tag_id"))


def _links() -> Any:
    return apps.get_model("cms", "Post").tags.through._default_manager
