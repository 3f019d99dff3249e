"""The states of a post and the ways between them. Each change settles the stored counts in its own transaction.

Every change takes the version that its caller has read and raises VersionConflict when the post has another by now.
"""

import datetime
from enum import Enum
from typing import Final

from django.db import transaction

from cms.choices import Status
from cms.errors import FieldError, InvalidInput, InvalidTransition
from cms.models import Post
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.checks import check_instant
from cms.services.counts import settle_counts, term_ids_of
from cms.services.posts import lock_post, save_change
from cms.services.settling import plan_settling

WAYS: Final = {
    Status.DRAFT: (Status.PUBLISHED, Status.ARCHIVED, Status.TRASHED),
    Status.PUBLISHED: (Status.DRAFT, Status.ARCHIVED, Status.TRASHED),
    Status.ARCHIVED: (Status.DRAFT, Status.TRASHED),
}


class Kept(Enum):
    """Stands for a value that is left alone, where None is one itself."""

    AS_IT_IS = "as it is"


def ways_from(post: Post) -> tuple[Status, ...]:
    """Return the states that a post may go to now."""
    if post.status == Status.TRASHED:
        return (Status(post.status_before_trash),)
    return WAYS[Status(post.status)]


def publish_post(
    *,
    actor: Actor,
    post: Post,
    now: datetime.datetime,
    published_at: datetime.datetime | None = None,
    expires_at: datetime.datetime | Kept | None = Kept.AS_IT_IS,
    expected_version: int | None = None,
) -> Post:
    """Publish now, or at `published_at` when that is still to come; a scheduled post may be published again.

    None for `expires_at` takes away the one that it has.
    """
    ends_at = None if isinstance(expires_at, Kept) else expires_at
    if errors := check_instant("published_at", published_at) + check_instant("expires_at", ends_at):
        raise InvalidInput(errors)
    with transaction.atomic():
        post = lock_post(actor, post, expected_version)
        if not post.is_scheduled(now):
            _refuse_no_way(post, Status.PUBLISHED)
        post.published_at = published_at or now
        if not isinstance(expires_at, Kept):
            post.expires_at = expires_at
        if post.expires_at and post.expires_at <= post.published_at:
            raise InvalidInput([FieldError("expires_at", "too_early", "A post expires after it was published.")])
        action = "post.scheduled" if post.published_at > now else "post.published"
        return _change_state(actor, post, Status.PUBLISHED, action, now)


def unpublish_post(*, actor: Actor, post: Post, now: datetime.datetime, expected_version: int | None = None) -> Post:
    """Take a post back to draft; this cancels a schedule."""
    with transaction.atomic():
        post = lock_post(actor, post, expected_version)
        if post.status != Status.PUBLISHED:
            raise InvalidTransition("post", post.status, Status.DRAFT, ways_from(post))
        post.published_at = None
        return _change_state(actor, post, Status.DRAFT, "post.unpublished", now)


def archive_post(*, actor: Actor, post: Post, now: datetime.datetime, expected_version: int | None = None) -> Post:
    with transaction.atomic():
        post = lock_post(actor, post, expected_version)
        _refuse_no_way(post, Status.ARCHIVED)
        return _change_state(actor, post, Status.ARCHIVED, "post.archived", now)


def trash_post(*, actor: Actor, post: Post, now: datetime.datetime, expected_version: int | None = None) -> Post:
    with transaction.atomic():
        post = lock_post(actor, post, expected_version)
        _refuse_no_way(post, Status.TRASHED)
        post.status_before_trash = post.status
        return _change_state(actor, post, Status.TRASHED, "post.trashed", now)


def restore_post(*, actor: Actor, post: Post, now: datetime.datetime, expected_version: int | None = None) -> Post:
    """Restore a trashed post to its earlier state, or an archived one to draft."""
    with transaction.atomic():
        post = lock_post(actor, post, expected_version)
        if post.status not in (Status.TRASHED, Status.ARCHIVED):
            raise InvalidTransition("post", post.status, "restored", ways_from(post))
        target = Status(post.status_before_trash) if post.status == Status.TRASHED else Status.DRAFT
        post.status_before_trash = ""
        if target == Status.DRAFT:
            post.published_at = None  # as after unpublishing: it would hold back an earlier expires_at
        return _change_state(actor, post, target, "post.restored", now)


def _refuse_no_way(post: Post, wanted: Status) -> None:
    # A trashed post leaves the trash by being restored, even to the state that is wanted.
    if post.status == Status.TRASHED or wanted not in ways_from(post):
        raise InvalidTransition("post", post.status, wanted, ways_from(post))


def _change_state(actor: Actor, post: Post, target: Status, action: str, now: datetime.datetime) -> Post:
    before = {"status": post.status}
    post.status = target
    plan_settling(post, now)
    save_change(post, now, is_text_changed=False)
    terms = term_ids_of(post)
    settle_counts(post, terms, terms, now)
    record_event(actor, action, post, before=before, after={"status": target, "version": post.version})
    return post
