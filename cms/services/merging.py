"""Two writers of one post: a change that was made to an older version is put on top of what the post has now."""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.utils.translation import gettext_noop

from cms.costs.ahead import Ahead
from cms.errors import FieldError, InvalidInput
from cms.models import Post, PostRevision
from cms.policy import Actor
from cms.services.post_media import FirstNamers, hold_featured_image, linked_media, unlink_planted_media
from cms.services.posts import PostFields, lock_post, preparing_change, update_locked_post
from cms.services.prepared import beginning_again, prepared_html
from cms.services.revisions import LONG_FIELDS, SNAPSHOT_FIELDS
from cms.text.cost import comparing_s
from cms.text.merge import Merge, merge_texts
from cms.text.turns import text_turn

_NAMERS: Final = Ahead[FirstNamers]("first namers of a form")
COLLECTIONS: Final = ("tags", "categories", "co_authors")
"""Fields of several values: one writer adds some and another removes others."""


@dataclass(frozen=True)
class FieldConflict:
    """One field that two writers have changed to different values."""

    field: str
    base: Any
    theirs: Any
    mine: Any

    @cached_property
    def merge(self) -> Merge | None:
        """Propose a text of both, None for other values. Ask for it when the lock is gone: long texts take a second.

        They wait for their turn, and raise Busy.
        """
        if self.field not in LONG_FIELDS:
            return None
        with text_turn(comparing_s(self.base, self.theirs, self.mine)):
            return merge_texts(self.base, self.theirs, self.mine)


class EditConflict(InvalidInput):
    """Both writers have changed the same fields. Nothing was saved."""

    code = "edit_conflict"

    def __init__(self, conflicts: Sequence[FieldConflict], post: Post, changes: PostFields) -> None:
        """`post` is the post as it is now; `changes` are this writer's, with the collections of both."""
        self.conflicts, self.post, self.changes = tuple(conflicts), post, changes
        message = gettext_noop("Someone else has changed this too. Compare both versions, then save again.")
        super().__init__([FieldError(conflict.field, self.code, message) for conflict in conflicts])


class Read(NamedTuple):
    """The state of a post that a writer has read."""

    version: int
    base: Mapping[str, Any]
    """The value of each field that is changed; collections as names of tags or as primary keys."""
    draft: PostRevision | None = None
    """The revision whose texts the writer was shown: other people may have named files there."""


@beginning_again
def merge_post(*, actor: Actor, post: Post, changes: PostFields, read: Read, now: datetime.datetime) -> Post:
    """Save the fields that a writer has changed since what was read, and keep what others have changed since.

    Raises EditConflict where the post has another value by now.
    """
    with preparing_change(actor=actor, post=post, changes=changes, now=now):
        namers = _NAMERS.result_of(*_naming(post)) if read.draft and "content" in changes else None
        with transaction.atomic():
            locked = lock_post(actor, post)
            if locked.version != read.version:
                # Before a conflict names the picture: nobody learns the name of a file that they can't see.
                hold_featured_image(actor, changes.get("featured_image"), now)
                changes = _on_top_of(locked, changes, read.base)
            linked_before = linked_media(locked) if namers else frozenset()
            post = update_locked_post(actor=actor, post=locked, changes=changes, now=now)
            if namers:
                unlink_planted_media(post, linked_before, now, namers)
    return post


def naming_ahead(post: Post) -> AbstractContextManager[None]:
    """Find out who first named the files of the prepared text, for callers with a transaction around `merge_post`."""
    return _NAMERS.done(*_naming(post))


def _naming(post: Post) -> tuple[object, Callable[[], FirstNamers]]:
    html = prepared_html()
    return (post.pk, html), lambda: FirstNamers(post, html)


def newest_revision_number(post: Post) -> int | None:
    """Return the number of the revision that holds what the post has now."""
    numbers = PostRevision.objects.filter(post=post, is_draft=False).order_by("-number")
    return numbers.values_list("number", flat=True).first()


def read_revision(post: Post, number: int) -> dict[str, Any] | None:
    """Return the content that a form has shown, by the number of its revision, or None if there is no such revision."""
    rows = PostRevision.objects.filter(post=post, number=number, is_draft=False).values_list("snapshot", flat=True)
    return rows.first()


def _on_top_of(post: Post, changes: PostFields, base: Mapping[str, Any]) -> PostFields:
    merged: dict[str, Any] = {}
    conflicts = []
    mine: Any
    for name, mine in changes.items():
        if name in COLLECTIONS:
            merged[name] = _merged_collection(post, name, mine, base[name])
            continue
        merged[name], theirs = mine, getattr(post, name)
        if _same(theirs, mine) or _same(theirs, base[name]) or (name == "excerpt" and post.is_excerpt_derived):
            continue
        conflicts.append(FieldConflict(name, base[name], theirs, mine))
    if conflicts:
        raise EditConflict(conflicts, post, merged)  # type: ignore[arg-type]
    return merged  # type: ignore[return-value]


def _merged_collection(post: Post, name: str, mine: Iterable[Any], base: Iterable[Any]) -> list[Any]:
    """Return what the post has, with what I have added and without what I have removed."""
    of = _folded if name == "tags" else _key
    read, wanted = {of(item) for item in base}, {of(item): item for item in mine}
    rows = getattr(post, name).all()
    present = {of(item): item for item in ([tag.name for tag in rows] if name == "tags" else rows)}
    kept = {key: item for key, item in present.items() if key in wanted or key not in read}
    return list({**kept, **{key: item for key, item in wanted.items() if key not in read}}.values())


def _folded(name: str) -> str:
    return name.casefold()


def _key(row: Any) -> str:
    return str(getattr(row, "pk", row))


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same to a writer: a form shows whole seconds, and a picture by its id."""
    if isinstance(one, datetime.datetime) and isinstance(other, datetime.datetime):
        return one.replace(microsecond=0) == other.replace(microsecond=0)
    return bool(one == other) or (one is not None and other is not None and _key(one) == _key(other))


IN_REVISIONS: Final = tuple(name for name in SNAPSHOT_FIELDS if name != "is_excerpt_derived")
"""Fields whose value a writer has read is in the revision that the form has shown."""
