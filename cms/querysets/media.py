"""Queries for uploaded files."""

import datetime
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.lookups import IsNull

from cms import policy
from cms.policy import Actor

if TYPE_CHECKING:
    from cms.models.media import MediaFile


class MediaFileQuerySet(models.QuerySet["MediaFile"]):
    def visible_to(self, user: Actor, now: datetime.datetime) -> Self:
        """Files of posts that `user` may read, as featured image or in their content, and those that `user` has uploaded."""
        if policy.may_edit_all_media(user):
            return self.all()
        posts = apps.get_model("cms", "Post").objects.visible_to(user, now)
        mine = Q(uploaded_by_id=user.pk) if policy.is_known(user) else Q(pk__in=[])
        featured, embedded = posts.filter(featured_image=OuterRef("pk")), posts.filter(embedded_media=OuterRef("pk"))
        return self.filter(mine | self._has_any(featured) | self._has_any(embedded))

    @staticmethod
    def _has_any(posts: models.QuerySet[Any]) -> Q:
        """Exists, put so that an index is probed for each file: PostgreSQL would hash all posts to list twenty files."""
        return Q(IsNull(Subquery(posts.values("pk")[:1]), False))

    def images(self) -> Self:
        return self.filter(mime_type__startswith="image/")
