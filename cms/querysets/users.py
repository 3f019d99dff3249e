"""Queries for users: whole accounts, public profiles, and the names that a login form takes."""

import datetime
from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower

from cms import policy
from cms.policy import Actor

if TYPE_CHECKING:
    from cms.models.users import User


class UserQuerySet(models.QuerySet["User"]):
    def accounts_visible_to(self, user: Actor) -> Self:
        """Return whole accounts, e-mail addresses included: one's own, and every one for an admin.

        A deleted user has none any more.
        """
        if policy.may_manage_users(user):
            return self.filter(deleted_at=None)
        return self.filter(pk=user.pk) if policy.is_known(user) else self.none()

    def visible_to(self, user: Actor, now: datetime.datetime) -> Self:
        """Return the users whose public profile `user` may read: visible accounts, and authors of visible posts."""
        posts = apps.get_model("cms", "Post").objects.visible_to(user, now)
        written, co_written = posts.filter(author=OuterRef("pk")), posts.filter(co_authors=OuterRef("pk"))
        authors = Q(Exists(written)) | Q(Exists(co_written))
        return self.filter(authors | Q(pk__in=self.model.objects.accounts_visible_to(user).values("pk")))

    def with_email(self, email: str) -> Self:
        return self.alias(email_folded=Lower("email")).filter(email_folded=email.lower())

    def with_username(self, username: str) -> Self:
        return self.alias(username_folded=Lower("username")).filter(username_folded=username.lower())

    def named(self, username_or_email: str) -> Self:
        """Return the user of a login form, which takes either name; a username never holds an @."""
        return self.with_email(username_or_email) if "@" in username_or_email else self.with_username(username_or_email)

    def get_by_natural_key(self, username: str) -> "User":
        """Return the user that Django's own code knows by this username, in any case."""
        return self.with_username(username).get()
