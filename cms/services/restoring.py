"""Going back to an old revision in two steps: make a draft revision of it, and apply a draft to its post.

Restoring alone changes nothing that readers see. In other systems it published an old draft, or undid what was public.
"""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import transaction

from cms import limits
from cms.costs.ahead import Ahead
from cms.errors import NotFound, TooManyDrafts, sentence
from cms.models import MediaFile, Post, PostRevision
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.drafts import restored_drafts
from cms.services.kept_bytes import refuse_if_spent
from cms.services.post_media import FirstNamers, linked_media, unlink_planted_media
from cms.services.posts import PostFields, lock_post, update_post
from cms.services.prepared import beginning_again, prepared, prepared_html
from cms.services.revisions import append_revision, get_revision, list_revisions

_RESTORED_AS_THEY_ARE: Final = (
    *("title", "slug", "content", "content_format", "language", "meta_title", "meta_description"),
)
_NAMERS: Final = Ahead[FirstNamers]("first namers")


def restore_revision(
    *, actor: Actor, post: Post, number: int, now: datetime.datetime, expected_version: int | None = None
) -> PostRevision:
    """Return a draft revision with the content of an old one: the one that waits already, or else a new one.

    The post, its version and its validators stay as they are. Raises TooManyDrafts for a new one when
    `limits.WAITING_DRAFTS_MAX` wait, TooMuchKept when the actor has kept too much today.
    """
    reason = f"restored from {number}"
    with transaction.atomic():
        post = lock_post(actor, post, expected_version)
        old = get_revision(actor=actor, post=post, number=number)
        reasons = dict(restored_drafts(post).values_list("number", "reason"))
        if waiting := max((waits for waits in reasons if reasons[waits] == reason), default=None):
            draft = get_revision(actor=actor, post=post, number=waiting)
            if draft.snapshot == old.snapshot:  # an autosaved draft may have changed since
                return draft
        if len(reasons) >= limits.WAITING_DRAFTS_MAX:
            raise TooManyDrafts(limits.WAITING_DRAFTS_MAX)
        refuse_if_spent(actor, now)
        draft = PostRevision(post=post, snapshot=old.snapshot, is_draft=True, reason=reason)
        draft = append_revision(actor, draft, now)
        after = {"from": number, "revision": draft.number}
        record_event(actor, "post.revision_restored", post, before={}, after=after)
    return draft


@beginning_again
def apply_revision(
    *, actor: Actor, post: Post, number: int, now: datetime.datetime, expected_version: int | None = None
) -> Post:
    """Make a draft revision the post's content, as `update_post` would; whether the post is public doesn't change.

    Raises NotFound when there is no draft with this number, Duplicate when its slug belongs to another post by now.
    """
    with applying(actor=actor, post=post, number=number, now=now) as namers, transaction.atomic():
        post = lock_post(actor, post, expected_version)
        draft = get_revision(actor=actor, post=post, number=number)
        if not draft.is_draft:
            raise NotFound(sentence("This post has no draft revision with the number %(number)s.", number=number))
        draft.is_draft, draft.updated_at = False, now
        draft.save(update_fields=["is_draft", "updated_at"])
        linked_before = linked_media(post)
        post = update_post(actor=actor, post=post, changes=_changes_to(draft), now=now)
        unlink_planted_media(post, linked_before, now, namers)
    return post


@contextmanager
def applying(*, actor: Actor, post: Post, number: int, now: datetime.datetime) -> Iterator[FirstNamers]:
    """Do what takes long before a draft is applied. For callers that lock the post themselves, around their lock.

    Raises TooMuchKept before that: the draft becomes a revision, and what it makes of the post another one.
    """
    refuse_if_spent(actor, now)
    drafts = list_revisions(actor=actor, post=post).filter(number=number, is_draft=True)
    snapshot = drafts.values_list("snapshot", flat=True).first() or {}
    work = (post.pk, number, snapshot)

    def read() -> FirstNamers:
        return FirstNamers(post, prepared_html())

    with prepared(snapshot, post), _NAMERS.done(work, read):
        yield _NAMERS.result_of(work, read)


def _changes_to(revision: PostRevision) -> PostFields:
    kept = revision.snapshot
    changes = {name: kept[name] for name in _RESTORED_AS_THEY_ARE if name in kept}
    if "excerpt" in kept:
        changes["excerpt"] = "" if kept.get("is_excerpt_derived") else kept["excerpt"]
    if "featured_image" in kept:
        # None once it is deleted.
        changes["featured_image"] = MediaFile.objects.filter(pk=kept["featured_image"]).first()
    return changes  # type: ignore[return-value]
