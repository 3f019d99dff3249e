"""The files that a post shows: its featured image, and those in its content.

Either makes a file as public as the post, so whoever puts it there has to be able to see it already.
"""

import datetime
import re
import uuid
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import QuerySet

from cms.db.statements import fetch_named
from cms.errors import FieldError, InvalidInput
from cms.models import MediaFile, Post
from cms.policy import Actor

# Addresses of a file, of its renditions and of its bytes all have its id after this word. Sanitised HTML quotes with ".
_ADDRESS = re.compile(r'\s(?:src|href)="([^"]*/(?:media|renditions)/[^"]*)"')
_ID: Final = re.compile(
    r"(?<![0-9a-f])(?:[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?![0-9a-f])", re.I
)


def hold_featured_image(actor: Actor, image: MediaFile | None, now: datetime.datetime) -> None:
    """Keep it from being deleted until the transaction ends. Raises InvalidInput for what `actor` can't see or is no image."""
    if image is None:
        return
    seen = MediaFile.objects.visible_to(actor, now).select_for_update(no_key=True, of=("self",)).filter(pk=image.pk)
    held = seen.first()
    if held is None:
        raise InvalidInput([FieldError("featured_image", "missing", "There is no such image, or you can't see it.")])
    if not held.is_image:
        raise InvalidInput([FieldError("featured_image", "not_an_image", "This file is no image.")])


def link_embedded_media(actor: Actor, post: Post, now: datetime.datetime, *, is_new: bool = False) -> None:
    """Remember which files the post's content shows. One that `actor` can't see is left out, unless it was in already."""
    named = media_ids_in(post.content_html)
    before = frozenset() if is_new else _linked(post)
    if wanted := named - before:
        seen = MediaFile.objects.visible_to(actor, now).select_for_update(no_key=True, of=("self",))
        post.embedded_media.add(*seen.filter(pk__in=wanted).order_by("pk").only("pk"))
    if gone := before - named:
        _links_of([post.pk]).filter(mediafile_id__in=gone).delete()


def _linked(post: Post) -> frozenset[uuid.UUID]:
    rows = fetch_named("embedded", lambda ids: _links_of(ids).values("mediafile_id"), [post.pk])
    return frozenset(row["mediafile_id"] for row in rows)


def _links_of(post_ids: Sequence[uuid.UUID]) -> QuerySet[Any]:
    links: QuerySet[Any] = Post.embedded_media.through.objects.filter(post_id__in=post_ids)
    return links


def media_ids_in(content_html: str) -> frozenset[uuid.UUID]:
    """The ids that stand in the addresses of pictures and links to media."""
    addresses = (match[1] for match in _ADDRESS.finditer(content_html))
    return frozenset(uuid.UUID(found) for address in addresses for found in _ID.findall(address))
