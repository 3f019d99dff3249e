"""Queries for posts and their revisions. `PostQuerySet.visible_to` decides who reads a post, on every path."""

import datetime
import uuid
from typing import TYPE_CHECKING, Final, Self

from django.apps import apps
from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KT
from django.db.models.functions import Left

from cms import limits, policy
from cms.choices import Kind, Status
from cms.ids import parse_uuid
from cms.policy import Actor
from cms.querysets.visibility import is_public

if TYPE_CHECKING:
    from cms.models.posts import Post, PostRevision

POSTS_PREFIX: Final = "/posts/"
"""The part before the slug in the address of a post, as redirects have it."""


class PostQuerySet(models.QuerySet["Post"]):
    def public(self, now: datetime.datetime) -> Self:
        """Return the posts that anyone may read at `now`. The query compares times: a scheduled post needs no job."""
        return self.filter(is_public(now))

    def visible_to(self, user: Actor, now: datetime.datetime) -> Self:
        """Return the posts that `user` may read at `now`: the one rule of visibility, for every path, in both APIs."""
        if policy.may_edit_all_posts(user):
            return self.all()
        if not policy.is_known(user):
            return self.public(now)
        return self.filter(is_public(now) | self._written_by(user.pk))

    def visible_parts(self, user: Actor, now: datetime.datetime) -> list[Self]:
        """Return `visible_to` in parts that share no post, each of which an index finds: public, own, co-written."""
        if policy.may_edit_all_posts(user) or not policy.is_known(user):
            return [self.visible_to(user, now)]
        hidden, own = self.exclude(is_public(now)), Q(author_id=user.pk)
        return [self.public(now), hidden.filter(own), hidden.filter(~own, self._co_written_by(user.pk))]

    def editable_by(self, user: Actor) -> Self:
        """Return the posts that `user` may change: `policy.may_edit_post` as a query."""
        if policy.may_edit_all_posts(user):
            return self.all()
        return self.written_by(user.pk) if policy.is_known(user) and policy.may_write_posts(user) else self.none()

    def written_by(self, user_id: uuid.UUID) -> Self:
        """Return the posts that this user wrote or co-wrote."""
        return self.filter(self._written_by(user_id))

    def _written_by(self, user_id: uuid.UUID) -> Q:
        return Q(author_id=user_id) | self._co_written_by(user_id)

    def _co_written_by(self, user_id: uuid.UUID) -> Q:
        # A membership test by subquery: a join over co-authors would repeat rows.
        return Q(pk__in=self.model.co_authors.through.objects.filter(user_id=user_id).values("post_id"))

    def posts(self) -> Self:
        """Return posts without pages, as lists show them by default."""
        return self.filter(kind=Kind.POST)

    def live(self) -> Self:
        """Return published or scheduled posts; combine it with `visible_to`."""
        return self.filter(status=Status.PUBLISHED)

    def not_trashed(self) -> Self:
        return self.exclude(status=Status.TRASHED)

    def with_slug_or_id(self, slug_or_id: str) -> Self:
        """Find by id when it has the form of one, else by slug; no slug has the form of a UUID."""
        as_uuid = parse_uuid(slug_or_id)
        return self.filter(pk=as_uuid) if as_uuid else self.filter(slug=slug_or_id)

    def slug_of_old_path(self, old_paths: list[str]) -> str | None:
        """The slug of the post that had one of these addresses, the first ones first; none where one has it today."""
        today = [path.removeprefix(POSTS_PREFIX) for path in old_paths if path.startswith(POSTS_PREFIX)]
        if today and self.filter(slug__in=today).exists():
            return None
        rows = self.filter(redirects__old_path__in=old_paths).values_list("redirects__old_path", "slug")
        slugs: dict[str, str] = dict(rows.order_by())
        return next((slugs[path] for path in old_paths if path in slugs), None)


AUTOSAVED: Final = "autosave of "
"""Begins the reason of a draft that keeps what its writer has not saved.

The number of the revision follows that the writer had read.
"""


def kept_text(name: str) -> Left:
    """Return a text of a revision, cut by the database to what is kept today: earlier releases kept far longer ones."""
    return Left(KT(f"snapshot__{name}"), limits.KEPT_TEXTS_MAX[name])


class PostRevisionQuerySet(models.QuerySet["PostRevision"]):
    def visible_to(self, user: Actor) -> Self:
        """Return the revisions of posts that the user may change, even of public ones: they hold what was taken back.

        A draft that keeps an unsaved text is for its writer alone.
        """
        if user is policy.SYSTEM:
            return self.all()
        rows = self
        if not policy.may_edit_all_posts(user):
            posts = apps.get_model("cms", "Post").objects.editable_by(user)
            rows = self.filter(post_id__in=posts.values("pk"))
        mine = Q(author_id=user.pk) if policy.is_known(user) else Q(pk__in=[])
        return rows.exclude(~mine, is_draft=True, reason__startswith=AUTOSAVED)

    def newest_first(self) -> Self:
        return self.order_by("-number")
