"""v1's writes of posts in the words of the domain. Values that v1 can't see, or sends back unchanged, stay the same.

Each is one transaction: a post never has half of the requested changes.
"""

import datetime
from collections.abc import Mapping
from typing import Any, Final, cast
from uuid import UUID

from django.db import transaction

from api_v1.field_names import names_of_v1
from api_v1.queries import find_category_named
from cms.choices import Status
from cms.errors import FieldError, InvalidInput, NotFound
from cms.models import Category, MediaFile, Post, User
from cms.services.post_states import publish_post, restore_post, trash_post, unpublish_post
from cms.services.posts import PostFields, create_post, lock_post, preparing_change, update_locked_post
from cms.services.prepared import beginning_again, prepared

type Values = Mapping[str, Any]
"""The fields of a request's body by v1's names; an absent one asks for nothing."""

_SAME_IN_DOMAIN: Final = ("title", "content", "excerpt", "slug", "tags", "meta_title", "meta_description")


@beginning_again
def create_from(values: Values, *, actor: User, now: datetime.datetime) -> Post:
    with names_of_v1(), prepared(values):
        if not values.get("published"):  # a transaction by itself: another around it costs two statements
            return create_post(actor=actor, fields=_fields(values, actor, now), now=now)
        with transaction.atomic():
            post = create_post(actor=actor, fields=_fields(values, actor, now), now=now)
            return publish_post(actor=actor, post=post, now=now)


@beginning_again
def change_by(values: Values, *, actor: User, post: Post, now: datetime.datetime) -> Post:
    """Change a post. Raises PermissionRefused for strangers, NotFound if it has gone into the trash meanwhile."""
    with (
        names_of_v1(),
        preparing_change(actor=actor, post=post, changes=values, now=now),
        transaction.atomic(),
    ):
        post = lock_post(actor, post)
        if post.status == Status.TRASHED:
            raise NotFound
        is_published = _wanted_publication(values, post)
        post = update_locked_post(actor=actor, post=post, changes=_changes(values, post, actor, now), now=now)
        if is_published is None:
            return post
        return _publish(post, actor, now) if is_published else unpublish_post(actor=actor, post=post, now=now)


def trash(*, actor: User, post: Post, now: datetime.datetime) -> None:
    """Move a post to the trash. Raises NotFound if it has gone there meanwhile."""
    with transaction.atomic():
        if lock_post(actor, post).status == Status.TRASHED:
            raise NotFound
        trash_post(actor=actor, post=post, now=now)


def _fields(values: Values, actor: User, now: datetime.datetime) -> PostFields:
    fields: dict[str, Any] = {name: values[name] for name in _SAME_IN_DOMAIN if name in values}
    if "category" in values:
        fields["categories"] = [find_category_named(values["category"], actor)]
    if "featured_image" in values:
        fields["featured_image"] = _find_image(values["featured_image"], actor, now)
    return cast("PostFields", fields)


def _changes(values: Values, post: Post, actor: User, now: datetime.datetime) -> PostFields:
    changes = _fields(values, actor, now)
    if post.is_excerpt_derived and changes.get("excerpt") == post.excerpt:
        del changes["excerpt"]  # sent back as it was read: it goes on being derived from the content
    if "categories" in changes:
        changes["categories"] = _with_others_kept(changes["categories"][0], post, actor)
    return changes


def _with_others_kept(named: Category, post: Post, actor: User) -> list[Category]:
    """Return categories for v1's one name: it takes the place of a single one; of several none is erased."""
    filed = list(Category.objects.visible_to(actor).filter(posts=post))
    if len(filed) < 2:
        return [named]
    return filed if named in filed else [*filed, named]


def _wanted_publication(values: Values, post: Post) -> bool | None:
    """Return True to publish, False to unpublish, None when v1 already shows the post in the wanted state.

    Scheduled, expired and private posts read `published` in v1: `true` leaves them as they are.
    """
    wanted: bool | None = values.get("published")
    is_published = post.status == Status.PUBLISHED
    return None if wanted is None or wanted == is_published else wanted


def _publish(post: Post, actor: User, now: datetime.datetime) -> Post:
    if post.status == Status.ARCHIVED:  # the domain's way from there leads over a draft
        post = restore_post(actor=actor, post=post, now=now)
    return publish_post(actor=actor, post=post, now=now)


def _find_image(media_id: UUID, actor: User, now: datetime.datetime) -> MediaFile:
    found = MediaFile.objects.visible_to(actor, now).filter(pk=media_id).first()
    if found is None:
        raise InvalidInput([FieldError("featured_image", "missing", "There is no media file with this id.")])
    return found
