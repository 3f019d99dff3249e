"""Revisions: what a post's content was after each change, and drafts of what it may become.

How a draft is made of an old revision and applied to its post stands in `restoring.py`.
"""

import datetime
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db.models import QuerySet, UUIDField

from cms import policy
from cms.db.compiled import Given, Row, compiled
from cms.errors import FieldError, InvalidInput, NotFound, sentence
from cms.models import Post, PostRevision, User
from cms.policy import Actor
from cms.querysets.posts import PostRevisionQuerySet
from cms.services.kept_bytes import note_kept
from cms.text.cost import comparing_s
from cms.text.diff import unified_diff
from cms.text.turns import text_turn

SNAPSHOT_FIELDS = (
    "title",
    "slug",
    "content",
    "content_format",
    "excerpt",
    "is_excerpt_derived",
    "language",
    "meta_title",
    "meta_description",
    "featured_image",
)
LONG_FIELDS: Final = ("content", "excerpt", "meta_description")
"""Those whose change is shown line by line."""


@dataclass(frozen=True)
class FieldChange:
    """The change of one field between two revisions; `diff` is a unified diff for long texts that are compared."""

    field: str
    before: Any
    after: Any
    diff: str | None = None


def write_revision(
    actor: Actor, post: Post, reason: str, now: datetime.datetime, *, is_first: bool = False
) -> PostRevision:
    """Write a revision of the post's content as it is now. The caller holds the post's row lock."""
    revision = PostRevision(post=post, snapshot=_snapshot(post), reason=reason)
    return append_revision(actor, revision, now, is_first=is_first)


def append_revision(
    actor: Actor, revision: PostRevision, now: datetime.datetime, *, is_first: bool = False
) -> PostRevision:
    """Give a new revision its number. The caller holds the post's row lock, so no two have one number.

    `is_first` says that the post was made in this transaction, and has none. All others count as kept bytes: a few that
    were sent may keep a whole content once more.
    """
    newest = [] if is_first else _newest_number.rows(None, post=revision.post_id)
    revision.number = newest[0]["number"] + 1 if newest else 1
    revision.author = actor if isinstance(actor, User) else None
    revision.created_at = revision.updated_at = now
    revision.save(force_insert=True)
    if not is_first:
        note_kept(actor, size_of(revision.snapshot), now)
    return revision


def size_of(snapshot: dict[str, Any]) -> int:
    """Return the bytes of its texts in UTF-8."""
    return sum(len(text.encode()) for text in snapshot.values() if isinstance(text, str))


@compiled(post=UUIDField())
def _newest_number(_: None, given: Given) -> QuerySet[Any, Row]:
    return PostRevision.objects.filter(post_id=given.post).order_by("-number").values("number")[:1]


def current_revision(post: Post) -> PostRevision:
    """Return the post's present content as a revision that is not stored, to compare others with."""
    return PostRevision(post=post, snapshot=_snapshot(post))


def list_revisions(*, actor: Actor, post: Post) -> PostRevisionQuerySet:
    """Return the post's revisions, newest first; none for those who may not change the post."""
    rows = PostRevision.objects.visible_to(actor)
    return rows.filter(post=post).newest_first()


def get_revision(*, actor: Actor, post: Post, number: int) -> PostRevision:
    """Return one revision. Raises NotFound, also for those who may not change the post."""
    revision: PostRevision | None = list_revisions(actor=actor, post=post).filter(number=number).first()
    if revision is None:
        raise NotFound(sentence("This post has no revision with the number %(number)s.", number=number))
    revision.post = post  # saves the caller another query
    return revision


def compare_revisions(*, actor: Actor, older: PostRevision, newer: PostRevision) -> list[FieldChange]:
    """Return what `changed_fields` does, with the diffs of long texts. They wait for their turn, and raise Busy."""
    changes = changed_fields(actor=actor, older=older, newer=newer)
    with turn_to_compare(changes):
        return [replace(change, diff=_diff_of(change)) for change in changes]


def changed_fields(*, actor: Actor, older: PostRevision, newer: PostRevision) -> list[FieldChange]:
    """Return the fields in which two revisions of one post differ, in a fixed order; any two, in either direction.

    Raises NotFound when `actor` may not change their post.
    """
    if older.post_id != newer.post_id:
        raise InvalidInput([FieldError("revision", "other_post", "Only revisions of one post can be compared.")])
    if not policy.may_edit_post(actor, newer.post):
        raise NotFound("This post has no such revisions.")
    # A revision from before a field existed lacks it.
    changes = (FieldChange(name, older.snapshot.get(name), newer.snapshot.get(name)) for name in SNAPSHOT_FIELDS)
    return [change for change in changes if change.before != change.after]


def turn_to_compare(changes: Iterable[FieldChange]) -> AbstractContextManager[None]:
    """Wait for a turn if comparing the texts of these changes takes long. Raises Busy."""
    values = (value for change in changes for value in (change.before, change.after))
    return text_turn(comparing_s(*(value for value in values if isinstance(value, str))))


def _diff_of(change: FieldChange) -> str | None:
    return unified_diff(change.before or "", change.after or "") if change.field in LONG_FIELDS else None


def _snapshot(post: Post) -> dict[str, Any]:
    """Return the content's columns, and the featured image's id as text."""
    image_id = str(post.featured_image_id) if post.featured_image_id else None
    columns = {name: getattr(post, name) for name in SNAPSHOT_FIELDS if name != "featured_image"}
    return {**columns, "featured_image": image_id}
