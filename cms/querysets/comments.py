"""Queries for comments: who reads which, and the order of a thread."""

import datetime
from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.functions import Concat

from cms import policy
from cms.choices import CommentStatus
from cms.policy import Actor

if TYPE_CHECKING:
    from cms.models.comments import Comment


class CommentQuerySet(models.QuerySet["Comment"]):
    def visible_to(self, user: Actor, now: datetime.datetime) -> Self:
        """Comments of posts that `user` may read: published ones, one's own, and all of them for a moderator.

        A deleted one keeps its place, without its text, while an answer below it is there to be read.
        """
        if policy.may_moderate(user):
            standing = ~Q(status=CommentStatus.DELETED)
            return self.filter(standing | self._with_answers(standing))
        published = Q(status=CommentStatus.PUBLISHED)
        mine = Q(author_id=user.pk) & ~Q(status=CommentStatus.DELETED) if policy.is_known(user) else Q(pk__in=[])
        of_visible_posts = apps.get_model("cms", "Post").objects.visible_to(user, now).values("pk")
        seen = published | mine
        return self.filter(seen | self._with_answers(seen), post_id__in=of_visible_posts)

    def _with_answers(self, answers: Q) -> Q:
        """Deleted comments that have `answers` at any depth below them."""
        below = Concat(OuterRef("thread_path"), Value("/"))
        rows = self.model._default_manager.filter(answers, post_id=OuterRef("post_id"), thread_path__startswith=below)
        return Q(status=CommentStatus.DELETED) & Q(Exists(rows))

    def in_thread_order(self) -> Self:
        return self.order_by("thread_path")
