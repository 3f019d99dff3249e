"""Lists to be walked through while others write: how a row of each is made, with which neighbours it ties, how it changes."""

import datetime
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import Model

from cms.choices import CommentStatus
from cms.models import AuditEvent, Category, Comment, MediaFile, Post, Tag, User

START: Final = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
INSTANTS: Final = [START, START + datetime.timedelta(microseconds=7), START + datetime.timedelta(milliseconds=1)]


@dataclass(frozen=True)
class Shelf:
    path: str
    make: Callable[[int, int], Model]
    """A new row from a number of its own and a place of 0 to 2: rows of the same place tie, where the list allows it."""
    edited: Mapping[str, Any] = field(default_factory=dict)
    """Columns that no order and no filter of the list looks at."""
    moved: Mapping[str, Any] = field(default_factory=dict)
    """Columns whose change takes a row elsewhere, or out of the list."""
    refile: Callable[[Any], object] | None = None
    """Changes what a row is filed under; it stays in the list, and in its place."""
    take_out: Callable[[Any], object] | None = None
    """Takes a row out of the list by what isn't a column of its own."""
    is_deletable: bool = True


def shelves(owner: User, post: Post) -> dict[str, Shelf]:
    """By name. `owner` writes and uploads what stands in them; the comments are those of `post`."""

    def media(number: int, place: int) -> MediaFile:
        texts = {"file": f"media/{number}.png", "original_name": "x.png", "mime_type": "image/png"}
        return MediaFile.objects.create(**texts, sha256="0" * 64, size_bytes=1, uploaded_by=owner, **_times(place))

    def comment(number: int, place: int, *, status: str = CommentStatus.PENDING) -> Comment:
        values = {"post": post, "author": owner, "text": "x", "status": status, "thread_path": uuid.uuid4().hex}
        return Comment.objects.create(**values, **_times(place))

    def category(number: int, place: int) -> Category:
        parent = Category.objects.create(name=f"parent {number}", slug=f"parent-{number}")
        return Category.objects.create(name="abc"[place], slug=f"row-{number}", parent=parent)

    return {
        "comments": Shelf("/comments?status=pending", comment, {"text": "y"}, {"status": CommentStatus.PUBLISHED}),
        "thread": Shelf(
            f"/posts/{post.pk}/comments?fields=id",
            lambda number, place: comment(number, place, status=CommentStatus.PUBLISHED),
            {"text": "y", "created_at": START},
        ),
        "tags": Shelf("/tags?fields=id", _tag, {"description": "y", "usage_count": 3}, {}),
        "categories": Shelf("/categories?fields=id", category, {"description": "y"}, {"name": "d"}),
        "users": Shelf("/users?role=author", _author, {"bio": "y"}, {"role": "editor"}),
        "media": Shelf("/media?kind=image", media, {"alt_text": "y"}, {"mime_type": "application/pdf"}),
        "audit": Shelf("/audit?fields=id", _event, is_deletable=False),
    }


def _times(place: int) -> dict[str, Any]:
    return {"created_at": INSTANTS[place], "updated_at": INSTANTS[place]}


def _tag(number: int, place: int) -> Tag:
    name = f"{'abc'[place]} {number}"
    return Tag.objects.create(name=name, name_key=name, slug=f"row-{number}")


def _author(number: int, place: int) -> User:
    names = {"username": f"row_{number}", "email": f"row_{number}@example.org", "role": "author"}
    user: User = User.objects.create(**names, **_times(place))
    return user


def _event(number: int, place: int) -> AuditEvent:
    return AuditEvent.objects.create(
        action="row", object_type="post", object_id=uuid.uuid4(), created_at=INSTANTS[place]
    )
