"""Neutral items, which a format's reader yields and the pipeline writes. They know neither formats nor models."""

import dataclasses
import datetime
import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cms.choices import CommentStatus, ContentFormat, Kind, Role, Status, Visibility
from cms.importers.keys import fit_key

CHANGES_MAX = 1_000
UNKNOWN_AUTHOR = ""
# The last two are the user's own after the first import.
_NOT_CONTENT = ("source", "line", "lines", "changes", "is_met_at_post", "time_zone", "language")


@dataclass(frozen=True, slots=True)
class Change:
    """A value that was changed or could not be stored: `original` is what the source says, `value` what is stored."""

    field: str
    original: Any
    value: Any
    reason: str
    line: int | None = None
    """In the source; None means where the item begins."""


class Changes(list[Change]):
    """The changes of one object: the first thousand, and behind them one that counts the others."""

    _others = 0

    def append(self, change: Change) -> None:
        if len(self) < CHANGES_MAX:
            super().append(change)
            return
        self._others += 1
        reason = f"{self._others:,} more values of this object were changed or left out; {CHANGES_MAX:,} are listed."
        self[CHANGES_MAX:] = [Change("", None, None, reason, change.line)]


@dataclass(kw_only=True)
class Item:
    """One object of a source. `external_id` names it there, in every version of the source."""

    noun: ClassVar[str]
    source: str
    """The file it was read from, as the report shows it."""
    line: int
    external_id: str
    lines: dict[str, int] = field(default_factory=dict)
    """Where single fields stand, as far as the reader knows."""
    changes: Changes = field(default_factory=Changes)
    """The values that the reader had to change or leave out."""
    is_exact: bool = False
    """Exported by this project: each value that the domain allows is taken as it is, columns of its own included."""
    is_met_at_post: bool = False
    """A user or a term that nothing declares: it is written together with the first post that has it, or not at all."""
    id: uuid.UUID | None = None
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None

    def __post_init__(self) -> None:
        self.external_id = fit_key(self.external_id)

    @property
    def label(self) -> str:
        return f"{self.noun} {self.external_id}".strip()

    def note(self, name: str, original: Any, value: Any, reason: str, line: int | None = None) -> None:
        self.changes.append(Change(name, original, value, reason, line))

    def line_of_field(self, name: str) -> int:
        return self.lines.get(name, self.line)

    def line_of(self, change: Change) -> int:
        return change.line or self.lines.get(change.field, self.line)

    def own_columns(self) -> dict[str, Any]:
        """Return columns that no service sets, for the row made of the item."""
        instants = {"created_at": self.created_at, "updated_at": self.updated_at}
        return {name: value for name, value in instants.items() if value is not None}

    def digest(self) -> str:
        """Return a digest that is equal for items that would be stored alike, in any place of the source."""
        content = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in _NOT_CONTENT}
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(kw_only=True)
class UserItem(Item):
    noun = "user"
    username: str
    email: str = ""
    display_name: str = ""
    first_name: str = ""
    last_name: str = ""
    bio: str = ""
    time_zone: str = ""
    language: str = ""
    role: Role = Role.AUTHOR
    is_active: bool = True
    email_verified: bool = False
    deleted_at: datetime.datetime | None = None

    def own_columns(self) -> dict[str, Any]:
        # Only of one that can't sign in: the database allows no other.
        return super().own_columns() | ({} if self.is_active else {"deleted_at": self.deleted_at})


@dataclass(kw_only=True)
class TagItem(Item):
    noun = "tag"
    name: str
    slug: str = ""
    description: str = ""


@dataclass(kw_only=True)
class CategoryItem(Item):
    noun = "category"
    name: str
    slug: str = ""
    description: str = ""
    parent: str | None = None
    """External id of a category that was yielded before."""
    is_active: bool = True


@dataclass(kw_only=True)
class PostItem(Item):
    """`author`, `co_authors`, `tags` and `categories` are external ids of items that were yielded before."""

    noun = "post"
    title: str
    content: str
    content_format: ContentFormat
    kind: Kind = Kind.POST
    slug: str = ""
    excerpt: str = ""
    language: str = ""
    status: Status = Status.PUBLISHED
    is_scheduled: bool = False
    """Whether the source says that its time is still to come: without an instant such a one is a draft."""
    was_published: bool = False
    """Whether a trashed or archived one was published before."""
    was_archived: bool = False
    """Whether a trashed one was archived before."""
    visibility: Visibility = Visibility.PUBLIC
    author: str = UNKNOWN_AUTHOR
    co_authors: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    meta_title: str = ""
    meta_description: str = ""
    published_at: datetime.datetime | None = None
    has_unusable_date: bool = False
    """Whether the source names an instant of publication that can't be read: it may be one that is still to come."""
    expires_at: datetime.datetime | None = None
    old_paths: list[str] = field(default_factory=list)
    version: int | None = None

    def named(self) -> Iterator[tuple[str, str]]:
        """Yield noun and external id of all that it refers to."""
        for noun, ids in (
            ("user", [self.author, *self.co_authors]),
            ("tag", self.tags),
            ("category", self.categories),
        ):
            yield from ((noun, fit_key(external_id)) for external_id in ids)

    def own_columns(self) -> dict[str, Any]:
        # The others' instants are set on the way.
        return super().own_columns() | ({"version": self.version} if self.version else {}) if self.is_exact else {}


@dataclass(kw_only=True)
class CommentItem(Item):
    """Follows its post, and its parent if it has one. Without `author` it is a guest's."""

    noun = "comment"
    post: str
    text: str
    parent: str | None = None
    is_parent_deleted: bool = False
    """Whether its parent arrives deleted, and still has its place in the thread."""
    author: str | None = None
    author_name: str = ""
    author_email: str = ""
    status: CommentStatus = CommentStatus.PUBLISHED
    edited_at: datetime.datetime | None = None

    def own_columns(self) -> dict[str, Any]:
        return super().own_columns() | {"edited_at": self.edited_at} if self.is_exact else {}


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Something of a source that concerns no single object, such as bytes that are no text."""

    source: str
    label: str
    change: Change


class Skipped(Remark):
    """An object, or a whole file, that is not imported."""
