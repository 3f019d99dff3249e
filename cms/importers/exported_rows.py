"""The objects of this project's own export, from plain values to items."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from cms.choices import CommentStatus, ContentFormat, Kind, Role, Status, Visibility
from cms.importers.bounds import OBJECT_BYTES, Kept, first_comments
from cms.importers.items import CategoryItem, Change, CommentItem, PostItem, Remark, Skipped, TagItem, UserItem
from cms.importers.json_stream import JsonFile
from cms.importers.rows import Row
from cms.importers.sources import Entry
from cms.importers.threads import in_thread_order
from cms.services.tags import fold_tag_name

NOUNS: Final = {"users": "user", "categories": "category", "tags": "tag"}
_VERSION_MAX: Final = 2_000_000_000


@dataclass
class Vocabulary:
    """Users and terms, by the names under which posts refer to them: username, slug, and folded name."""

    kept: Kept
    users: dict[str, UserItem] = field(default_factory=dict)
    categories: dict[str, CategoryItem] = field(default_factory=dict)
    tags: dict[str, TagItem] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    _found_at_posts: set[tuple[str, str]] = field(default_factory=set)

    def declare(self, table: str, row: Row, source: str) -> None:
        item = _user(row, source) if table == "users" else _term(table, row, source)
        key = fold_tag_name(item.name) if isinstance(item, TagItem) else item.external_id
        known: dict[str, Any] = getattr(self, table)
        if isinstance(item, UserItem):
            key = item.username.lower()
        elif isinstance(item, CategoryItem):
            key = item.slug
        item.external_id = str(item.id or key)
        known[key if key not in known else f"{key}\0{len(known)}"] = self.kept.keep(item)

    def add_repairs(self, document: JsonFile) -> None:
        self.remarks += [Remark(source=str(document.path), label="file", change=repair) for repair in document.repairs]

    def start_over(self) -> None:
        self._found_at_posts.clear()

    def entries(self) -> Iterator[Entry]:
        """Yield parents before their children; a circle is opened."""
        yield from self.remarks
        yield from self.users.values()
        by_id = {item.external_id: item for item in self.categories.values()}
        for item in self.categories.values():
            if item.parent is not None and item.parent in self.categories:
                item.parent = self.categories[item.parent].external_id
        yield from in_thread_order(by_id, "No category with this slug is in the export.")
        # Two with one id: the pipeline reports the second.
        yield from (item for item in self.categories.values() if by_id[item.external_id] is not item)
        yield from self.tags.values()

    def tag(self, name: str, post: PostItem) -> Iterator[TagItem]:
        """The tag that is meant; one that was written in by hand is yielded before the post."""
        key = fold_tag_name(name)
        known = self.tags.get(key)
        if known is None and self._is_new("tag", key):
            line = post.line_of_field("tags")
            yield TagItem(source=post.source, line=line, external_id=key, name=name, is_met_at_post=True)
        post.tags.append(known.external_id if known else key)

    def category(self, slug: str, post: PostItem) -> Iterator[CategoryItem]:
        known = self.categories.get(slug)
        if known is None and self._is_new("category", slug):
            line = post.line_of_field("categories")
            met = CategoryItem(source=post.source, line=line, external_id=slug, name=slug, slug=slug)
            met.is_met_at_post = True
            yield met
        post.categories.append(known.external_id if known else slug)

    def user_id(self, username: str) -> str | None:
        known = self.users.get(username.lower())
        return known.external_id if known else None

    def _is_new(self, noun: str, key: str) -> bool:
        is_new = (noun, key) not in self._found_at_posts
        if is_new:
            self.kept.count(key, key, base=OBJECT_BYTES)
        self._found_at_posts.add((noun, key))
        return is_new


def read_post(row: Row, content: str, comments: Any, vocabulary: Vocabulary, place: tuple[str, str]) -> Iterator[Entry]:
    """Yield the post, before it the terms that nobody declares, after it its comments."""
    source, label = place
    post_id, slug = row.uuid7("id"), row.text("slug")
    post = PostItem(
        source=source,
        line=row.line,
        lines=row.lines,
        is_exact=True,
        id=post_id,
        external_id=str(post_id or slug or label or f"line {row.line}"),
        title=row.text("title"),
        slug=slug,
        content=content,
        content_format=row.choice("content_format", ContentFormat, ContentFormat.MARKDOWN),
        kind=row.choice("kind", Kind, Kind.POST),
        # A value that can't be understood shows nothing to anyone.
        status=row.choice("status", Status, Status.DRAFT),
        visibility=row.choice("visibility", Visibility, Visibility.PRIVATE),
        excerpt=row.text("excerpt"),
        language=row.text("language"),
        meta_title=row.text("meta_title"),
        meta_description=row.text("meta_description"),
        published_at=row.exact_instant("published_at"),
        expires_at=row.exact_instant("expires_at"),
        old_paths=row.texts("redirects"),
        version=row.number("version", _VERSION_MAX),
        **_instants(row),
    )
    _read_former_state(row, post)
    _read_authors(row, post, vocabulary)
    for name in row.texts("tags"):
        yield from vocabulary.tag(name, post)
    for category in row.texts("categories"):
        yield from vocabulary.category(category, post)
    post.changes = row.note_rest()
    yield post
    yield from _read_comments(comments, post, vocabulary)


def _read_former_state(row: Row, post: PostItem) -> None:
    post.was_published = post.published_at is not None and post.status in (Status.ARCHIVED, Status.TRASHED)
    if post.status == Status.TRASHED:
        former = row.choice("status_before_trash", Status, Status.DRAFT)
        post.was_archived = former == Status.ARCHIVED
        post.was_published = post.was_published and former != Status.DRAFT
    if post.status == Status.PUBLISHED and post.published_at is None:
        # Else it would be published at the moment of the import.
        row.note("status", Status.PUBLISHED, Status.DRAFT, "Nothing says when it was published.")
        post.status = Status.DRAFT


def _read_authors(row: Row, post: PostItem, vocabulary: Vocabulary) -> None:
    author, co_authors = row.text("author"), row.texts("co_authors")
    post.author = vocabulary.user_id(author) or ""
    if not post.author:
        row.note("author", author, None, "No user with this username is in the export.")
    for name in co_authors:
        if user_id := vocabulary.user_id(name):
            post.co_authors.append(user_id)
        else:
            row.note("co_authors", name, None, "No user with this username is in the export.")


def _read_comments(comments: Any, post: PostItem, vocabulary: Vocabulary) -> Iterator[Entry]:
    items: dict[str, CommentItem] = {}
    found, lost = first_comments(comments if isinstance(comments, list) else [])
    if lost:
        yield Skipped(source=post.source, label=post.label, change=Change("comments", None, None, lost, post.line))
    for number, values in enumerate(found):
        row = Row(values if isinstance(values, dict) else {"comment": values}, post.line)
        item = _comment(row, post, vocabulary, fallback_id=f"{post.external_id}#{number}")
        if item.external_id in items:
            row.note("id", item.external_id, None, "Another comment with this id came before it.")
            yield Skipped(source=item.source, label=item.label, change=row.changes[-1])
        else:
            items[item.external_id] = item
    for item in in_thread_order(items, "The comment that it answers is not there."):
        item.is_parent_deleted = bool(item.parent) and items[str(item.parent)].status == CommentStatus.DELETED
        yield item


def _comment(row: Row, post: PostItem, vocabulary: Vocabulary, fallback_id: str) -> CommentItem:
    comment_id, author = row.uuid7("id"), row.text("author")
    item = CommentItem(
        source=post.source,
        line=row.line,
        is_exact=True,
        id=comment_id,
        external_id=str(comment_id or fallback_id),
        post=post.external_id,
        text=row.text("text"),
        parent=row.key("parent") or None,
        author=vocabulary.user_id(author) if author else None,
        author_name=row.text("author_name"),
        author_email=row.text("author_email"),
        status=row.choice("status", CommentStatus, CommentStatus.PENDING),
        edited_at=row.exact_instant("edited_at"),
        **_instants(row),
    )
    if author and item.author is None:
        row.note("author", author, None, "No user with this username is in the export.")
        item.author_name = item.author_name or author
    item.changes = row.note_rest()
    return item


def _user(row: Row, source: str) -> UserItem:
    item = UserItem(
        source=source,
        line=row.line,
        is_exact=True,
        id=row.uuid7("id"),
        external_id="",
        username=row.text("username"),
        email=row.text("email"),
        display_name=row.text("display_name"),
        first_name=row.text("first_name"),
        last_name=row.text("last_name"),
        bio=row.text("bio"),
        time_zone=row.text("time_zone"),
        language=row.text("language"),
        role=row.choice("role", Role, Role.SUBSCRIBER),
        is_active=row.truth("is_active", default=False),
        email_verified=row.truth("email_verified", default=False),
        deleted_at=row.exact_instant("deleted_at"),
        **_instants(row),
    )
    item.changes = row.note_rest()
    return item


def _term(table: str, row: Row, source: str) -> CategoryItem | TagItem:
    values: dict[str, Any] = {
        "source": source,
        "line": row.line,
        "is_exact": True,
        "id": row.uuid7("id"),
        "external_id": "",
        "name": row.text("name"),
        "slug": row.text("slug"),
        "description": row.text("description"),
        **_instants(row),
    }
    item: CategoryItem | TagItem
    if table == "tags":
        item = TagItem(**values)
    else:
        parent, is_active = row.text("parent") or None, row.truth("is_active", default=True)
        item = CategoryItem(**values, parent=parent, is_active=is_active)
    item.changes = row.note_rest()
    return item


def _instants(row: Row) -> dict[str, Any]:
    return {name: row.exact_instant(name) for name in ("created_at", "updated_at")}
