"""The media library as a grid: what each file is shown in, and what is missing."""

import re
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib.admin import SimpleListFilter
from django.db.models import Count, Exists, F, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cms import clock
from cms.admin.options import LightChangeList
from cms.models import MediaFile, Post

TILE = "width-320"


class AltTextFilter(SimpleListFilter):
    title = _("alternative text")
    parameter_name = "alt"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("missing", _("Missing")), ("given", _("Given"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        images = queryset.images()  # type: ignore[attr-defined]
        match self.value():
            case "missing":
                return images.filter(alt_text="")
            case "given":
                return images.exclude(alt_text="")
        return queryset


class MediaChangeList(LightChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: Any = self.result_list
        files = list(rows.noting_rendition(TILE))
        usage = posts_with(files, request.user)
        self.result_list: list[MediaFile] = files
        self.tiles = [tile_of(media, usage[media.pk]) for media in files]


def tile_of(media: Any, post_count: int) -> dict[str, Any]:
    """Describe a tile. Pictures that are not made yet are asked for one by one: the server makes one at a time."""
    address = settings.MEDIA_ADDRESS.format(id=media.pk)
    return {
        "media": media,
        "posts": post_count,
        "address": address,
        "markdown": _markdown(media, address),
        "picture": f"{reverse('admin:cms_mediafile_file', args=[media.pk])}?size={TILE}" if media.is_image else "",
        "is_made": media.is_made,
        "focal_point": position_of(media),
        "is_undescribed": media.is_image and not media.alt_text,
    }


def position_of(media: MediaFile) -> str:
    """Return the focal point as `object-position` of CSS has it, empty for the middle."""
    point = media.focal_point
    return f"{point[0]:.2%} {point[1]:.2%}" if point else ""


def _markdown(media: MediaFile, address: str) -> str:
    """Return a picture, or a link to another file, as the editor of posts writes it."""
    words = " ".join((media.alt_text if media.is_image else media.original_name).split())
    escaped = re.sub(r"([\\\[\]])", r"\\\1", words)
    return f"{'!' if media.is_image else ''}[{escaped}]({address})"


def posts_with(files: Sequence[MediaFile], user: Any) -> Counter[uuid.UUID]:
    """Return how many posts visible to `user` show each file, as featured image or in the text: by one statement."""
    ids = [media.pk for media in files]
    posts, links = Post.objects.visible_to(user, clock.now()), Post.embedded_media.through.objects
    is_seen = Exists(posts.filter(pk=OuterRef("post_id")))
    embedded = links.filter(is_seen, mediafile_id__in=ids).values(shown=F("mediafile_id"))
    in_text = links.filter(post_id=OuterRef("pk"), mediafile_id=OuterRef("featured_image_id"))
    featured = posts.filter(~Exists(in_text), featured_image_id__in=ids).values(shown=F("featured_image_id"))
    parts: Any = [rows.annotate(n=Count("pk")).order_by() for rows in (embedded, featured)]
    found: Counter[uuid.UUID] = Counter()
    for row in parts[0].union(parts[1], all=True):
        found[row["shown"]] += row["n"]
    return found
