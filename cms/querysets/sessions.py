"""Queries for API sessions."""

import datetime
import uuid
from typing import TYPE_CHECKING, Self

from django.db import models

from cms import policy
from cms.policy import Account, Actor

if TYPE_CHECKING:
    from cms.models.sessions import AuthSession


class AuthSessionQuerySet(models.QuerySet["AuthSession"]):
    def visible_to(self, user: Actor) -> Self:
        """Return the user's own sessions: admins too see no others."""
        return self.filter(user_id=user.pk) if policy.is_known(user) else self.none()

    def open(self, now: datetime.datetime) -> Self:
        """Return those that are neither ended nor expired."""
        return self.filter(revoked_at=None, expires_at__gt=now)

    def others_of(self, user: Account, kept_id: uuid.UUID | None) -> Self:
        """Return the sessions of `user` that are not revoked, without the kept one if there is one."""
        rows = self.filter(user_id=user.pk, revoked_at=None)
        return rows.exclude(pk=kept_id) if kept_id else rows
