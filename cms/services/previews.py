"""Preview links: anyone with the link sees the post for an hour, as long as its maker may see it.

The link is nothing but its signature: no row is written, so trashing the post or suspending its maker ends it at once.
"""

import datetime
import uuid
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from cms.choices import Status
from cms.errors import InvalidTransition, NotFound, PermissionRefused
from cms.models import MediaFile, Post, User
from cms.policy import Actor
from cms.querysets.posts import PostQuerySet
from cms.services.audit import record_event
from cms.services.kept_bytes import take_own_change
from cms.services.post_media import with_media_at
from cms.services.post_states import ways_from
from cms.services.posts import lock_post
from cms.tokens.previews import PreviewClaims, make_preview_token, read_preview_token

LIFETIME: Final = datetime.timedelta(hours=1)


@dataclass(frozen=True)
class Preview:
    token: str
    expires_at: datetime.datetime

    @property
    def front_end_url(self) -> str | None:
        """The address of the front end's page for it, by the setting PREVIEW_URL; None without that."""
        return settings.PREVIEW_URL.replace("{token}", self.token) if settings.PREVIEW_URL else None


def make_preview(*, actor: Actor, post: Post, now: datetime.datetime) -> Preview:
    """Make a link, for those who may change the post. Raises RateLimited, or InvalidTransition for one in the trash."""
    if not isinstance(actor, User):
        raise PermissionRefused("Only a user can create a preview link.")
    with transaction.atomic():
        post = lock_post(actor, post)
        if post.status == Status.TRASHED:
            raise InvalidTransition("post", post.status, "previewed", ways_from(post))
        take_own_change(actor, now)
        expires_at = (now + LIFETIME).replace(microsecond=0)
        record_event(actor, "post.preview_made", post, before={}, after={"expires_at": expires_at.isoformat()})
    return Preview(make_preview_token(PreviewClaims(post.pk, actor.pk, expires_at)), expires_at)


def post_previewed(*, token: str, now: datetime.datetime) -> PostQuerySet:
    """Return the one post that the link shows while its maker may see it, else none. Raises NotFound for a bad link."""
    claims = read_preview_token(token, now)
    maker = User.objects.filter(pk=claims.issuer_id, is_active=True).first()
    if maker is None:
        raise NotFound("This link no longer works.")
    posts = Post.objects.visible_to(maker, now).not_trashed()
    return posts.filter(pk=claims.post_id)


def media_previewed(*, token: str, media_id: uuid.UUID, now: datetime.datetime) -> MediaFile:
    """Return a file that the previewed post shows, in its content or as its featured image. Raises NotFound if none."""
    posts = post_previewed(token=token, now=now)
    shown = Q(featured_in__in=posts) | Q(embedded_in__in=posts)
    media = MediaFile.objects.filter(shown, pk=media_id).distinct().first()
    if media is None:
        raise NotFound("This link shows no such file.")
    return media


def path_of_media(token: str, media_id: uuid.UUID) -> str:
    """Return the path at which the link opens a file, the same for each version of the API."""
    return reverse("preview-media", urlconf=settings.ROOT_URLCONF, args=[token, media_id])


def with_media_through(token: str, content_html: str) -> str:
    """Return the HTML with addresses of files that the link opens: a draft's are hidden from everybody else."""
    return with_media_at(content_html, lambda media_id: path_of_media(token, media_id))
