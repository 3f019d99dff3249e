"""Revisions: what a post's content was after each change, and drafts of what it may become.

How a draft is made of an old revision and applied to its post stands in `restoring.py`.
"""

import datetime
from contextlib import AbstractContextManager
from dataclasses import dataclass
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
    """The change of one field between two revisions; `diff` is a unified diff for long texts, None for others."""

    field: str
    before: Any
    after: Any
    diff: str | None


def write_revision(
    actor: Actor, post: Post, reason: str, now: datetime.datetime, *, is_first: bool = False
) -> PostRevision:
    """Write a revision of the post's content as it is now. The caller holds the post's row lock."""
    revision = PostRevision(post=post, snapshot=_snapshot(post), reason=reason)
    return append_revision(actor, revision, now, is_first=is_first)


def append_revision(
    actor: Actor, revision: PostRevision, now: datetime.datetime, *, is_first: bool = False
) -> PostRevision:
    """Give a new revision its number. The caller holds the post's row lock, so numbers have no gaps and no twins.

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
    """Return the fields in which two revisions of one post differ, in a fixed order; any two, in either direction.

    Raises NotFound when `actor` may not change their post. Long texts wait for their turn, and raise Busy.
    """
    if older.post_id != newer.post_id:
        raise InvalidInput([FieldError("revision", "other_post", "Only revisions of one post can be compared.")])
    if not policy.may_edit_post(actor, newer.post):
        raise NotFound("This post has no such revisions.")
    with turn_to_compare(older, newer):
        return [_field_change(*changed) for changed in _changed(older, newer)]


def turn_to_compare(older: PostRevision, newer: PostRevision) -> AbstractContextManager[None]:
    """Wait for a turn if long texts of the two differ. For callers that do more with them than to compare them."""
    pairs = [(before, after) for name, before, after in _changed(older, newer) if name in LONG_FIELDS]
    return text_turn(comparing_s(*(text or "" for pair in pairs for text in pair)))


def _changed(older: PostRevision, newer: PostRevision) -> list[tuple[str, Any, Any]]:
    # A revision from before a field existed lacks it.
    values = ((name, older.snapshot.get(name), newer.snapshot.get(name)) for name in SNAPSHOT_FIELDS)
    return [(name, before, after) for name, before, after in values if before != after]


def _field_change(name: str, before: Any, after: Any) -> FieldChange:
    diff = unified_diff(before or "", after or "") if name in LONG_FIELDS else None
    return FieldChange(name, before, after, diff)


def _snapshot(post: Post) -> dict[str, Any]:
    """Return the content's columns, and the featured image's id as text."""
    image_id = str(post.featured_image_id) if post.featured_image_id else None
    columns = {name: getattr(post, name) for name in SNAPSHOT_FIELDS if name != "featured_image"}
    return {**columns, "featured_image": image_id}
