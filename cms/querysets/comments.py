"""Queries for comments: who reads which, and the order of a thread."""

import datetime
import uuid
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Count, Exists, Min, OuterRef, Q

from cms import policy
from cms.choices import CommentStatus
from cms.policy import Actor

if TYPE_CHECKING:
    from cms.models.comments import Comment


@models.CharField.register_lookup
class Below(models.Lookup):
    """Whether a path lies below another one: `/` separates its parts, of letters and digits, and `0` comes next.

    A prefix that another row holds can use no index as a pattern. As a range of bytes it does: on PostgreSQL that of
    `varchar_pattern_ops`, on SQLite any.
    """

    lookup_name = "below"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        above, under = ("~>~", "~<~") if connection.vendor == "postgresql" else (">", "<")
        sql = f"({left} {above} ({right} || '/') AND {left} {under} ({right} || '0'))"
        return sql, (*left_params, *right_params) * 2


class CommentQuerySet(models.QuerySet["Comment"]):
    def visible_to(self, user: Actor, now: datetime.datetime) -> Self:
        """Return comments of posts that `user` may read: published ones, the user's own, and all for a moderator.

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
        """Return deleted comments that have `answers` at any depth below them."""
        of_post = self.model._default_manager.filter(post_id=OuterRef("post_id"))
        rows = of_post.filter(answers, thread_path__below=OuterRef("thread_path"))
        return Q(status=CommentStatus.DELETED) & Q(Exists(rows))

    def of_writers(self, user_ids: Collection[uuid.UUID], guest_emails: Collection[str]) -> Self:
        """Return the comments of these users, and of guests who left one of these addresses."""
        return self.filter(Q(author_id__in=user_ids) | Q(author=None, author_email__in=guest_emails))

    def counted_by_writer(self) -> "models.QuerySet[Comment, dict[str, Any]]":
        """Return a row for each user and guest: how many comments are approved and spam, and when the first was."""
        approved, spam = Q(status=CommentStatus.PUBLISHED), Q(status=CommentStatus.SPAM)
        counts = {"approved": Count("pk", filter=approved), "spam": Count("pk", filter=spam)}
        rows: Any = self.order_by().values("author_id", "author_email")
        return rows.annotate(**counts, since=Min("created_at"))  # type: ignore[no-any-return]

    def in_thread_order(self) -> Self:
        return self.order_by("thread_path")
