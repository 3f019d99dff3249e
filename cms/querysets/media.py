"""Queries for uploaded files."""

import datetime
from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q

from cms import policy
from cms.policy import Actor
from cms.querysets.visibility import has_any

if TYPE_CHECKING:
    from cms.models.media import MediaFile


class MediaFileQuerySet(models.QuerySet["MediaFile"]):
    def visible_to(self, user: Actor, now: datetime.datetime) -> Self:
        """Return files in posts that `user` may read, as featured image or in the content, and the user's uploads."""
        posts = apps.get_model("cms", "Post").objects.visible_to(user, now)
        featured = posts.filter(featured_image=OuterRef("pk")).order_by("pk")
        # As a range: by an equality PostgreSQL expects as many links as a file has on average, and may read all.
        its_links = {"mediafile_id__gte": OuterRef("pk"), "mediafile_id__lte": OuterRef("pk")}
        links = posts.model.embedded_media.through._default_manager.filter(**its_links)
        # The inner Exists keeps SQLite from collecting all posts for each file.
        embedded = links.filter(Exists(posts.filter(pk=OuterRef("post_id")))).order_by("mediafile_id", "post_id")
        shown = has_any(featured) | has_any(embedded)
        if policy.may_edit_all_media(user):
            return self.all()
        return self.filter(shown | Q(uploaded_by_id=user.pk) if policy.is_known(user) else shown)

    def all_visible_to(self, user: Actor, now: datetime.datetime) -> Self:
        """Return the same files, found from the posts: it costs the same however many hidden ones show a file."""
        posts = apps.get_model("cms", "Post").objects.visible_to(user, now).order_by()
        # Not by way of the posts, whose join with no file at all PostgreSQL takes for one row.
        links = posts.model.embedded_media.through._default_manager.filter(post_id__in=posts.values("pk"))
        featured = posts.filter(featured_image__isnull=False).values("featured_image")
        own = self.model._default_manager.filter(uploaded_by_id=user.pk).order_by().values("pk")
        pieces = [links.values("mediafile_id"), *([own] if policy.is_known(user) else [])]
        return self if policy.may_edit_all_media(user) else self.filter(pk__in=featured.union(*pieces, all=True))

    def images(self) -> Self:
        return self.filter(mime_type__startswith="image/")

    def noting_rendition(self, spec: str) -> Self:
        """Annotate `is_made`: whether the rendition of this size exists, or is made when it is first asked for."""
        made = apps.get_model("cms", "Rendition").objects.filter(spec=spec, media_id=OuterRef("pk"))
        return self.annotate(is_made=Exists(made))
