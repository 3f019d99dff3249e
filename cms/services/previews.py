"""Preview links: a post shown for an hour to whoever has the link, as long as its maker may see the post.

The link is nothing but its signature: no row is written, so trashing the post or suspending its maker ends it at once.
"""

import datetime
from dataclasses import dataclass
from typing import Final

from django.db import transaction

from cms.choices import Status
from cms.errors import InvalidTransition, NotFound, PermissionRefused
from cms.models import Post, User
from cms.policy import Actor
from cms.querysets.posts import PostQuerySet
from cms.services.audit import record_event
from cms.services.post_states import ways_from
from cms.services.posts import lock_post
from cms.tokens.previews import PreviewClaims, make_preview_token, read_preview_token

LIFETIME: Final = datetime.timedelta(hours=1)


@dataclass(frozen=True)
class Preview:
    token: str
    expires_at: datetime.datetime


def make_preview(*, actor: Actor, post: Post, now: datetime.datetime) -> Preview:
    """By those who may change the post. Raises InvalidTransition for one in the trash."""
    if not isinstance(actor, User):
        raise PermissionRefused("A preview link stands on the word of a user.")
    with transaction.atomic():
        post = lock_post(actor, post)
        if post.status == Status.TRASHED:
            raise InvalidTransition("post", post.status, "previewed", ways_from(post))
        expires_at = (now + LIFETIME).replace(microsecond=0)
        record_event(actor, "post.preview_made", post, before={}, after={"expires_at": expires_at.isoformat()})
    return Preview(make_preview_token(PreviewClaims(post.pk, actor.pk, expires_at)), expires_at)


def post_previewed(*, token: str, now: datetime.datetime) -> PostQuerySet:
    """The one post that the link shows while its maker may see it, else none. Raises NotFound for what is no good link."""
    claims = read_preview_token(token, now)
    maker = User.objects.filter(pk=claims.issuer_id, is_active=True).first()
    if maker is None:
        raise NotFound("This link shows nothing any more.")
    posts = Post.objects.visible_to(maker, now).not_trashed()
    return posts.filter(pk=claims.post_id)
