"""Merging tags: the posts of all of them get the remaining one, and the others are deleted."""

import datetime
import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from cms import policy
from cms.errors import FieldError, InUse, InvalidInput, PermissionRefused
from cms.models import Post, Tag
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.locks import lock_row

TRIES: Final = 5


class _PostsChange(Exception):
    """Posts that have just got one of the tags are being changed again."""


def merge_tags(*, actor: Actor, into: Tag, others: Sequence[Tag], now: datetime.datetime) -> Tag:
    """Give the posts of `others` the tag `into`, and delete `others`. Nothing else of the posts changes.

    Raises NotFound for a tag that is gone, InvalidInput without another one, and InUse while others give the tags to
    posts again and again.
    """
    if not policy.may_manage_terms(actor):
        raise PermissionRefused("Only editors manage tags.")
    merged = {tag.pk: tag for tag in others if tag.pk != into.pk}
    if not merged:
        raise InvalidInput([FieldError("tags", "required", "Choose two tags or more to merge.")])
    for _ in range(TRIES):
        with suppress(_PostsChange), transaction.atomic():
            return _merge(actor, into, merged, now)
    raise InUse(gettext_noop("Posts are being given these tags just now. Merge them again later."))


def _merge(actor: Actor, into: Tag, merged: dict[uuid.UUID, Tag], now: datetime.datetime) -> Tag:
    # Posts before tags, as all writers do: a post that is published meanwhile counts for the tag it ends up with.
    posts = _tagged([into.pk, *merged])
    post_ids = [*posts.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True)]
    locked = {pk: lock_row(tag, is_doomed=pk != into.pk) for pk, tag in sorted({into.pk: into, **merged}.items())}
    into, doomed = locked[into.pk], [locked[pk] for pk in merged]
    _lock_later_posts(merged, post_ids)
    _tag_posts(into, [*merged])
    for tag in doomed:
        names = {"name": tag.name, "slug": tag.slug}
        record_event(actor, "tag.deleted", tag, before=names, after={"merged_into": str(into.pk)})
        tag.delete()
    before = {"usage_count": into.usage_count}
    into.usage_count, into.updated_at = into.posts.filter(is_counted=True).count(), now
    into.save(update_fields=["usage_count", "updated_at"])
    after = {"usage_count": into.usage_count, "merged": [tag.name for tag in doomed]}
    record_event(actor, "tag.updated", into, before=before, after=after)
    return into


def _tagged(tag_ids: Collection[uuid.UUID]) -> QuerySet[Post]:
    return Post.objects.filter(pk__in=Post.tags.through.objects.filter(tag_id__in=tag_ids).values("post_id"))


def _lock_later_posts(merged_ids: Collection[uuid.UUID], post_ids: Collection[uuid.UUID]) -> None:
    """Lock the posts that writers have given a tag while this one waited for it. Now that it is locked, none follow.

    Raises _PostsChange instead of a wait, which could be for somebody who waits for the tags.
    """
    later = {*_tagged(merged_ids).values_list("pk", flat=True)} - {*post_ids}
    rows = Post.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=later)
    if later and later != {*rows.values_list("pk", flat=True)}:
        raise _PostsChange


def _tag_posts(into: Tag, merged_ids: Sequence[uuid.UUID]) -> None:
    links = Post.tags.through.objects
    wanted = links.filter(tag_id__in=merged_ids).values_list("post_id", flat=True)
    links.bulk_create((links.model(post_id=pk, tag_id=into.pk) for pk in set(wanted)), ignore_conflicts=True)
