"""The files that a post shows: its featured image, and those in its content.

Either makes a file as public as the post, so whoever puts it there has to be able to see it already.
"""

import datetime
import re
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from cms.db.statements import fetch_named
from cms.errors import FieldError, InvalidInput
from cms.models import MediaFile, Post
from cms.policy import SYSTEM, Actor

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


def link_embedded_media(actor: Actor, post: Post, now: datetime.datetime, *, before: Iterable[str] = ()) -> None:
    """Remember which files the post's content shows, if the person who inserted each can see it.

    `before` are the texts that the post had until now. `actor` inserts what stands in none of them; of the rest only a
    file that is public may come, for nobody knows here who named it.
    """
    named = media_ids_in(post.content_html)
    linked = linked_media(post) if before else frozenset()
    if wanted := named - linked:
        old = wanted & _ids_anywhere_in(before)
        _link(post, wanted - old, actor, now)
        _link(post, old, AnonymousUser(), now)
    if gone := linked - named:
        _links_of([post.pk]).filter(mediafile_id__in=gone).delete()


def unlink_planted_media(post: Post, linked_before: Collection[uuid.UUID], now: datetime.datetime) -> None:
    """Take back the links that applying a revision has made, where the one who first named the file can't see it."""
    for media_id in linked_media(post) - frozenset(linked_before):
        _links_of([post.pk]).filter(mediafile_id=media_id).delete()
        _link(post, {media_id}, _first_to_name(post, media_id), now)


def _first_to_name(post: Post, media_id: uuid.UUID) -> Actor:
    """The author of the first revision with this id, the system for an imported one, nobody where none has it."""
    is_named = Q(snapshot__content__icontains=str(media_id)) | Q(snapshot__content__icontains=media_id.hex)
    first = post.revisions.filter(is_named).order_by("number").select_related("author").only("author").first()
    if first is None:
        return AnonymousUser()
    return first.author or SYSTEM


def _link(post: Post, media_ids: Collection[uuid.UUID], actor: Actor, now: datetime.datetime) -> None:
    """Link those of the files that `actor` can see, and keep them from being deleted until the transaction ends."""
    if media_ids:
        seen = MediaFile.objects.visible_to(actor, now).select_for_update(no_key=True, of=("self",))
        post.embedded_media.add(*seen.filter(pk__in=media_ids).order_by("pk").only("pk"))


def linked_media(post: Post) -> frozenset[uuid.UUID]:
    """Return the ids of the files that the post's content makes as visible as the post."""
    rows = fetch_named("embedded", lambda ids: _links_of(ids).values("mediafile_id"), [post.pk])
    return frozenset(row["mediafile_id"] for row in rows)


def _links_of(post_ids: Sequence[uuid.UUID]) -> QuerySet[Any]:
    links: QuerySet[Any] = Post.embedded_media.through.objects.filter(post_id__in=post_ids)
    return links


def _ids_anywhere_in(texts: Iterable[str]) -> frozenset[uuid.UUID]:
    """Not in addresses alone: a typo that is corrected may make an address of one."""
    return frozenset(uuid.UUID(found) for text in texts for found in _ID.findall(text))


def media_ids_in(content_html: str) -> frozenset[uuid.UUID]:
    """The ids that stand in the addresses of pictures and links to media."""
    addresses = (match[1] for match in _ADDRESS.finditer(content_html))
    return frozenset(uuid.UUID(found) for address in addresses for found in _ID.findall(address))


def with_media_at(content_html: str, address_of: Callable[[uuid.UUID], str]) -> str:
    """Return the HTML with other addresses for this site's files: those that a reader may ask who can't ask the API.

    Renditions are replaced by the files that they were made of.
    """

    def replaced(match: re.Match[str]) -> str:
        ids = _ID.findall(match[1]) if match[1].startswith("/") else []
        return match[0].replace(match[1], address_of(uuid.UUID(ids[0]))) if ids else match[0]

    return _ADDRESS.sub(replaced, content_html)
