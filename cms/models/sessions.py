"""Sessions of signed-in users: of API clients, one row a login, to which its tokens belong, and of browsers."""

from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from cms.models.fields import Entity
from cms.querysets.sessions import AuthSessionQuerySet


class AuthSession(Entity):
    """`generation` numbers the next valid refresh token; an older one is a replay (RFC 9700 section 4.14.2)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="auth_sessions")
    generation = models.PositiveIntegerField(default=1)
    # When its login proved one; empty if a password alone has opened it. An older release leaves the column out.
    second_factor_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = AuthSessionQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["user", "revoked_at"], name="cms_authsession_of_user")]

    def __str__(self) -> str:
        return str(self.id)


class BrowserSession(AbstractBaseSession):
    """`user` repeats what the session's text says, so that one query finds both."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="browser_sessions")

    @classmethod
    def get_session_store_class(cls) -> Any:
        """The engine of this project has the same format, and stands above the models."""
        return SessionStore
