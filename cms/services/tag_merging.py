"""Merging tags: the posts of all of them get the remaining one, and the others are deleted."""

import datetime
import uuid
from collections.abc import Sequence

from django.db import transaction

from cms import policy
from cms.errors import FieldError, InvalidInput, PermissionRefused
from cms.models import Post, Tag
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.locks import lock_row


def merge_tags(*, actor: Actor, into: Tag, others: Sequence[Tag], now: datetime.datetime) -> Tag:
    """Give the posts of `others` the tag `into`, and delete `others`. Nothing else of the posts changes.

    Raises NotFound for a tag that is gone, and InvalidInput without another one.
    """
    if not policy.may_manage_terms(actor):
        raise PermissionRefused("Only editors manage tags.")
    merged = {tag.pk: tag for tag in others if tag.pk != into.pk}
    if not merged:
        raise InvalidInput([FieldError("tags", "required", "Choose two tags or more to merge.")])
    with transaction.atomic():
        # Posts before tags, as all writers do: a post that is published meanwhile counts for the tag it ends up with.
        post_ids = _lock_posts([into.pk, *merged])
        locked = {pk: lock_row(tag, is_doomed=pk != into.pk) for pk, tag in sorted({into.pk: into, **merged}.items())}
        into, doomed = locked[into.pk], [locked[pk] for pk in merged]
        _tag_posts(into, post_ids, [tag.pk for tag in doomed])
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


def _lock_posts(tag_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    tagged = Post.tags.through.objects.filter(tag_id__in=tag_ids).values("post_id")
    rows = Post.objects.select_for_update(no_key=True).filter(pk__in=tagged).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def _tag_posts(into: Tag, post_ids: Sequence[uuid.UUID], merged_ids: Sequence[uuid.UUID]) -> None:
    links = Post.tags.through.objects
    wanted = links.filter(post_id__in=post_ids, tag_id__in=merged_ids).values_list("post_id", flat=True)
    links.bulk_create((links.model(post_id=pk, tag_id=into.pk) for pk in set(wanted)), ignore_conflicts=True)
