"""The content that v1 can't show, for the rollback debt: `CANARY["DEBT"]`."""

import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from cms.choices import ContentFormat, Kind, Status, Visibility
from cms.models import Comment, MediaFile, Post

V1_LANGUAGE = "en"
"""Posts written by v1 have it, and its answers name none."""


def rows_that_v1_cannot_show(now: datetime.datetime) -> dict[str, QuerySet[Any]]:
    """Return by feature the rows of v2 alone, the newest first. Posts in the trash show nothing anyway."""
    posts = Post.objects.not_trashed().order_by("-created_at", "-id")
    comments = Comment.objects.order_by("-created_at", "-id")
    published = posts.filter(status=Status.PUBLISHED)
    return {
        _("pages"): posts.filter(kind=Kind.PAGE),
        _("posts with co-authors"): posts.filter(pk__in=Post.co_authors.through.objects.values("post_id")),
        _("posts that are not public"): posts.exclude(visibility=Visibility.PUBLIC),
        _("scheduled posts, which v1 calls published"): published.filter(published_at__gt=now),
        _("posts that expire"): posts.filter(expires_at__gt=now),
        _("posts in another language"): posts.exclude(language=V1_LANGUAGE),
        _("posts in HTML"): posts.filter(content_format=ContentFormat.HTML),
        _("featured images"): posts.exclude(featured_image=None),
        _("answers to comments, which v1 lists without their place"): comments.exclude(parent=None),
        _("comments of guests, whose names v1 leaves out"): comments.filter(author=None),
        _("files of the library"): MediaFile.objects.order_by("-created_at", "-id"),
    }
