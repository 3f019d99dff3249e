"""Every read question of the domain. Who may see what is decided here, in the `visible_to` methods, and nowhere else."""

import datetime
import uuid
from typing import Any, Self

from django.contrib.auth.base_user import BaseUserManager
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Concat, Least, Lower
from django.db.models.lookups import IsNull

from cms import policy
from cms.choices import CommentStatus, Kind, Status, Visibility
from cms.ids import parse_uuid
from cms.policy import Actor

NEVER = datetime.datetime(9999, 1, 1, tzinfo=datetime.UTC)


def _is_public(now: datetime.datetime, prefix: str = "") -> Q:
    return Q(
        **{
            f"{prefix}status": Status.PUBLISHED,
            f"{prefix}visibility": Visibility.PUBLIC,
            f"{prefix}published_at__lte": now,
        }
    ) & (Q(**{f"{prefix}expires_at": None}) | Q(**{f"{prefix}expires_at__gt": now}))


class UserQuerySet(models.QuerySet[Any]):
    def accounts_visible_to(self, user: Actor) -> Self:
        """Accounts with all that belongs to them, e-mail addresses too: one's own, and every one for an admin.

        A deleted user has none any more.
        """
        if policy.may_manage_users(user):
            return self.filter(deleted_at=None)
        return self.filter(pk=user.pk) if policy.is_known(user) else self.none()

    def visible_to(self, user: Actor, now: datetime.datetime) -> Self:
        """Whose public profile `user` may read: that of every account visible to them, and of authors of visible posts."""
        post = self.model._meta.get_field("posts").related_model
        posts = post.objects.visible_to(user, now)
        written, co_written = posts.filter(author=OuterRef("pk")), posts.filter(co_authors=OuterRef("pk"))
        authors = Q(Exists(written)) | Q(Exists(co_written))
        return self.filter(authors | Q(pk__in=self.model.objects.accounts_visible_to(user).values("pk")))

    def with_email(self, email: str) -> Self:
        return self.alias(email_folded=Lower("email")).filter(email_folded=email.lower())

    def with_username(self, username: str) -> Self:
        return self.alias(username_folded=Lower("username")).filter(username_folded=username.lower())

    def named(self, username_or_email: str) -> Self:
        """The user of a login form, which takes either; a username never holds an @."""
        return self.with_email(username_or_email) if "@" in username_or_email else self.with_username(username_or_email)


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, username: str) -> Any:
        return self.with_username(username).get()


class PostQuerySet(models.QuerySet[Any]):
    def public(self, now: datetime.datetime) -> Self:
        """What anyone may read at `now`: time decides in the query, so a scheduled post appears with no job running."""
        return self.filter(_is_public(now))

    def visible_to(self, user: Actor, now: datetime.datetime) -> Self:
        """What `user` may read at `now`: the one rule of visibility, for every path and both versions."""
        if policy.may_edit_all_posts(user):
            return self.all()
        if not policy.is_known(user):
            return self.public(now)
        return self.filter(_is_public(now) | self._written_by(user.pk))

    def visible_parts(self, user: Actor, now: datetime.datetime) -> list[Self]:
        """The posts of `visible_to` in parts that share none, each of which an index finds: public, own, co-written."""
        if policy.may_edit_all_posts(user) or not policy.is_known(user):
            return [self.visible_to(user, now)]
        hidden, own = self.exclude(_is_public(now)), Q(author_id=user.pk)
        return [self.public(now), hidden.filter(own), hidden.filter(~own, self._co_written_by(user.pk))]

    def editable_by(self, user: Actor) -> Self:
        """What `user` may change: `policy.may_edit_post` as a query."""
        if policy.may_edit_all_posts(user):
            return self.all()
        return self.written_by(user.pk) if policy.may_write_posts(user) else self.none()

    def written_by(self, user_id: uuid.UUID | None) -> Self:
        """What this user wrote or co-wrote."""
        return self.filter(self._written_by(user_id))

    def _written_by(self, user_id: uuid.UUID | None) -> Q:
        return Q(author_id=user_id) | self._co_written_by(user_id)

    def _co_written_by(self, user_id: uuid.UUID | None) -> Q:
        # A membership test by subquery: a join over co-authors would repeat rows.
        return Q(pk__in=self.model.co_authors.through.objects.filter(user_id=user_id).values("post_id"))

    def posts(self) -> Self:
        """Posts without pages: what lists show unless asked otherwise."""
        return self.filter(kind=Kind.POST)

    def live(self) -> Self:
        """Published or scheduled; to be combined with `visible_to`."""
        return self.filter(status=Status.PUBLISHED)

    def with_next_change(self, now: datetime.datetime) -> Self:
        """`next_change_at` beside each row, the same in all: when time alone next changes what is public; else NEVER.

        A post that waits for its scheduler since before `now` has told only of the instant that has passed.
        """
        first = self.model._default_manager.filter(settles_at__gt=now).order_by("settles_at").values("settles_at")
        late = self.model._default_manager.filter(settles_at__lte=now, expires_at__gt=now).order_by("expires_at")
        instants = (Coalesce(Subquery(rows[:1]), Value(NEVER)) for rows in (first, late.values("expires_at")))
        return self.annotate(next_change_at=Least(*instants, output_field=models.DateTimeField()))

    def not_trashed(self) -> Self:
        return self.exclude(status=Status.TRASHED)

    def with_slug_or_id(self, slug_or_id: str) -> Self:
        """By id when it has the form of one, else by slug; no slug has the form of a UUID."""
        as_uuid = parse_uuid(slug_or_id)
        return self.filter(pk=as_uuid) if as_uuid else self.filter(slug=slug_or_id)

    def slug_of_old_path(self, old_paths: list[str]) -> str | None:
        """The slug of the post that had one of these addresses, the first ones first."""
        rows = self.filter(redirects__old_path__in=old_paths).values_list("redirects__old_path", "slug")
        slugs: dict[str, str] = dict(rows.order_by())
        return next((slugs[path] for path in old_paths if path in slugs), None)


class PostRevisionQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Actor) -> Self:
        """Revisions are for those who may change their post, of public posts too: they hold what was taken back."""
        if policy.may_edit_all_posts(user):
            return self.all()
        posts = self.model.post.field.related_model.objects
        return self.filter(post_id__in=posts.editable_by(user).values("pk"))

    def newest_first(self) -> Self:
        return self.order_by("-number")


class TagQuerySet(models.QuerySet[Any]):
    def by_name(self) -> Self:
        return self.order_by("name", "id")


class CategoryQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Actor) -> Self:
        return self.all() if policy.may_manage_terms(user) else self.filter(is_active=True)

    def by_name(self) -> Self:
        return self.order_by("name", "id")


class CommentQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Actor, now: datetime.datetime) -> Self:
        """Comments of posts that `user` may read: published ones, one's own, and all of them for a moderator.

        A deleted one keeps its place, without its text, while an answer below it is there to be read.
        """
        if policy.may_moderate(user):
            standing = ~Q(status=CommentStatus.DELETED)
            return self.filter(standing | self._with_answers(standing))
        published = Q(status=CommentStatus.PUBLISHED)
        mine = Q(author_id=user.pk) & ~Q(status=CommentStatus.DELETED) if policy.is_known(user) else Q(pk__in=[])
        of_visible_posts = self.model.post.field.related_model.objects.visible_to(user, now).values("pk")
        seen = published | mine
        return self.filter(seen | self._with_answers(seen), post_id__in=of_visible_posts)

    def _with_answers(self, answers: Q) -> Q:
        """Deleted comments that have `answers` at any depth below them."""
        below = Concat(OuterRef("thread_path"), Value("/"))
        rows = self.model._default_manager.filter(answers, post_id=OuterRef("post_id"), thread_path__startswith=below)
        return Q(status=CommentStatus.DELETED) & Q(Exists(rows))

    def in_thread_order(self) -> Self:
        return self.order_by("thread_path")


class WebhookQuerySet(models.QuerySet[Any]):
    """Webhooks and their deliveries: both are for admins alone."""

    def visible_to(self, user: Actor) -> Self:
        return self.all() if policy.may_manage_webhooks(user) else self.none()

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class AuditEventQuerySet(models.QuerySet[Any]):
    """The audit trail is for admins alone."""

    def visible_to(self, user: Actor) -> Self:
        return self.all() if policy.may_see_audit(user) else self.none()


class AuthSessionQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Actor) -> Self:
        """One's own: admins too see no others'."""
        return self.filter(user_id=user.pk) if policy.is_known(user) else self.none()

    def open(self, now: datetime.datetime) -> Self:
        """Neither ended nor expired."""
        return self.filter(revoked_at=None, expires_at__gt=now)


class MediaFileQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Actor, now: datetime.datetime) -> Self:
        """Files of posts that `user` may read, as featured image or in their content, and those that `user` has uploaded."""
        if policy.may_edit_all_media(user):
            return self.all()
        post = self.model._meta.get_field("featured_in").related_model
        posts = post.objects.visible_to(user, now)
        mine = Q(uploaded_by_id=user.pk) if policy.is_known(user) else Q(pk__in=[])
        featured, embedded = posts.filter(featured_image=OuterRef("pk")), posts.filter(embedded_media=OuterRef("pk"))
        return self.filter(mine | self._has_any(featured) | self._has_any(embedded))

    @staticmethod
    def _has_any(posts: models.QuerySet[Any]) -> Q:
        """Exists, put so that an index is probed for each file: PostgreSQL would hash all posts to list twenty files."""
        return Q(IsNull(Subquery(posts.values("pk")[:1]), False))

    def images(self) -> Self:
        return self.filter(mime_type__startswith="image/")


class ApiKeyQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Actor) -> Self:
        """One's own keys, and all of them for an admin."""
        if policy.may_manage_all_keys(user):
            return self.all()
        return self.filter(owner_id=user.pk) if policy.may_manage_own_keys(user) else self.none()
