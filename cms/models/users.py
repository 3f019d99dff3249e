"""Users: who they are and which role they have. `cms/policy.py` decides what a role may do."""

import datetime
from collections.abc import Iterator

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower

from cms import limits
from cms.choices import Role
from cms.models.fields import Entity, length_at_most, length_between
from cms.querysets.users import UserQuerySet


class User(Entity, AbstractBaseUser, PermissionsMixin):
    username = models.CharField(max_length=limits.USERNAME[1])
    email = models.CharField(max_length=limits.EMAIL_MAX)
    first_name = models.CharField(max_length=limits.PERSON_NAME_MAX, blank=True, default="")
    last_name = models.CharField(max_length=limits.PERSON_NAME_MAX, blank=True, default="")
    display_name = models.CharField(max_length=limits.DISPLAY_NAME_MAX, blank=True, default="")
    bio = models.TextField(blank=True, default="")
    role = models.CharField(max_length=10, choices=Role, default=Role.SUBSCRIBER)
    is_active = models.BooleanField(default=True)
    email_verified = models.BooleanField(default=False)
    # Asked for by the user, and not proved yet: `email` stays in force until then. An older release leaves it out.
    pending_email = models.CharField(max_length=limits.EMAIL_MAX, blank=True, default="", db_default="")
    # At random, another one for each request: jobs and links of a request end with it. An older release leaves it out.
    pending_request = models.CharField(max_length=32, blank=True, default="", db_default="")
    # An admin, a command or an import made the account, not a visitor. An older release leaves the column out.
    is_vouched_for = models.BooleanField(default=False, db_default=False)
    # For the dates and sentences of the admin site; empty: those of the site. An older release leaves both out.
    time_zone = models.CharField(max_length=limits.TIME_ZONE_MAX, blank=True, default="", db_default="")
    language = models.CharField(max_length=limits.LANGUAGE_MAX, blank=True, default="", db_default="")
    picture = models.ForeignKey("cms.MediaFile", models.SET_NULL, null=True, blank=True, related_name="+")
    # Grows when the user's browser sessions are to end: each session is bound to the number it began with.
    session_epoch = models.PositiveIntegerField(default=0)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = UserQuerySet.as_manager()

    second_factor_at: datetime.datetime | None = None
    """When the login that has returned this object proved a second factor. No column: each login proves its own."""
    is_superuser = property(lambda self: self.is_active and self.role == Role.ADMIN)  # takes the place of the column
    is_staff = property(lambda self: self.is_active and self.role != Role.SUBSCRIBER)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("username"), name="cms_user_username_unique"),
            models.UniqueConstraint(Lower("email"), name="cms_user_email_unique"),
            models.CheckConstraint(
                condition=length_between("username", *limits.USERNAME)
                & models.Q(username__regex=limits.USERNAME_PATTERN),
                name="cms_user_username_valid",
            ),
            models.CheckConstraint(
                condition=length_between("email", 3, limits.EMAIL_MAX), name="cms_user_email_length"
            ),
            models.CheckConstraint(
                condition=length_at_most("pending_email", limits.EMAIL_MAX), name="cms_user_pending_email_length"
            ),
            models.CheckConstraint(
                condition=length_at_most("first_name", limits.PERSON_NAME_MAX)
                & length_at_most("last_name", limits.PERSON_NAME_MAX)
                & length_at_most("display_name", limits.DISPLAY_NAME_MAX)
                & length_at_most("bio", limits.BIO_MAX),
                name="cms_user_names_length",
            ),
            models.CheckConstraint(
                condition=length_at_most("time_zone", limits.TIME_ZONE_MAX)
                & length_at_most("language", limits.LANGUAGE_MAX),
                name="cms_user_preferences_length",
            ),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="cms_user_role_valid"),
            models.CheckConstraint(
                condition=models.Q(deleted_at=None) | models.Q(is_active=False), name="cms_user_deleted_is_inactive"
            ),
        ]
        indexes = [models.Index(fields=["created_at", "id"], name="cms_user_newest")]

    def __str__(self) -> str:
        return self.username

    def withdraw_pending_address(self) -> None:
        self.pending_email = self.pending_request = ""

    def get_session_auth_hash(self) -> str:
        """Return Django's hash, bound to `session_epoch` too: suspending a user doesn't change a password."""
        return self._bound_to_epoch(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        return map(self._bound_to_epoch, super().get_session_auth_fallback_hash())

    def _bound_to_epoch(self, session_hash: str) -> str:
        return f"{session_hash}.{self.session_epoch}"

    def get_full_name(self) -> str:
        return self.display_name or f"{self.first_name} {self.last_name}".strip() or self.username

    def get_short_name(self) -> str:
        return self.display_name or self.username
