"""Writing posts and pages: their texts, their relations, the state they are in, and the addresses they had."""

from typing import Any

from cms import limits
from cms.choices import Status
from cms.errors import CmsError
from cms.importers.cleaning import Notes, choose_slug, fit_language, fit_text, fit_title, is_visible, storable
from cms.importers.context import Context
from cms.importers.items import UNKNOWN_AUTHOR, PostItem
from cms.models import Category, Post, User
from cms.policy import SYSTEM
from cms.services.imported import add_redirect, backdate_post
from cms.services.post_states import archive_post, publish_post, restore_post, trash_post, unpublish_post
from cms.services.posts import PostFields, create_post, update_post

NO_CONTENT = "<!-- -->"  # A comment in Markdown and in HTML alike: readers see nothing, as in the source


def create(context: Context, item: PostItem, notes: Notes) -> tuple[Post, bool]:
    fields = _fields(context, item, notes)
    fields["slug"] = choose_slug(Post, item.slug, fields["title"], notes)
    if item.id is not None:
        fields["id"] = item.id
    if created_at := item.created_at or item.published_at:
        fields["created_at"] = created_at
    author = _author(context, item, notes)
    post = create_post(actor=SYSTEM, fields=fields, now=context.now, author=author)
    return _finish(context, post, item, notes), True


def update(context: Context, post: Post, item: PostItem, notes: Notes) -> Post:
    fields = _fields(context, item, notes)
    fields["slug"] = choose_slug(Post, item.slug, fields["title"], notes, own=post)
    author = context.find("user", item.author)
    if author is not None and author.pk != post.author_id:
        notes.note("author", item.author, str(post.author_id), "The author of a post that exists is not changed.")
    post = update_post(actor=SYSTEM, post=post, changes=fields, now=context.now)
    return _finish(context, post, item, notes)


def _finish(context: Context, post: Post, item: PostItem, notes: Notes) -> Post:
    post = _bring_to_state(context, post, item, notes)
    if len(item.old_paths) > limits.OLD_PATHS_IMPORTED_MAX:
        most = f"{limits.OLD_PATHS_IMPORTED_MAX:,}"
        notes.note("old_path", item.old_paths[limits.OLD_PATHS_IMPORTED_MAX], None, f"Only {most} old paths are kept.")
    for old_path in item.old_paths[: limits.OLD_PATHS_IMPORTED_MAX]:
        try:
            add_redirect(actor=SYSTEM, post=post, old_path=old_path, now=context.now)
        except CmsError as error:
            notes.note("old_path", old_path, None, error.message)
    if updated_at := item.updated_at or item.published_at or item.created_at:
        backdate_post(actor=SYSTEM, post=post, updated_at=updated_at)
    return post


def _fields(context: Context, item: PostItem, notes: Notes) -> PostFields:
    fields: PostFields = {
        "kind": item.kind,
        "title": fit_title(item.title, item.slug, notes),
        "content": _content(item, notes),
        "content_format": item.content_format,
        "excerpt": fit_text("excerpt", item.excerpt, limits.EXCERPT_MAX, notes),
        "visibility": item.visibility,
        "meta_title": fit_text("meta_title", item.meta_title, limits.META_TITLE_MAX, notes),
        "meta_description": fit_text("meta_description", item.meta_description, limits.META_DESCRIPTION_MAX, notes),
        "tags": [tag.name for tag in _rows(context, "tag", "tags", item.tags, notes, limits.TAGS_PER_POST_MAX)],
        "categories": _categories(context, item, notes),
        "co_authors": _co_authors(context, item, notes),
    }
    if language := fit_language(item.language, notes):
        fields["language"] = language
    if item.expires_at and not _is_expired_before_published(item):
        fields["expires_at"] = item.expires_at
    return fields


def _is_expired_before_published(item: PostItem) -> bool:
    return bool(item.expires_at and item.published_at and item.expires_at <= item.published_at)


def _target_status(item: PostItem, notes: Notes) -> Status:
    """Return the source's state; in doubt, one in which nobody reads what nobody should."""
    if item.status != Status.PUBLISHED:
        return item.status
    if item.has_unusable_date or (item.is_scheduled and item.published_at is None):
        reason = "When it is to be public can't be read, so it stays a draft."
        notes.note("status", "scheduled" if item.is_scheduled else item.status, Status.DRAFT, reason)
        return Status.DRAFT
    if _is_expired_before_published(item):
        assert item.expires_at is not None
        reason = "It expired before it was published, so it is archived."
        notes.note("expires_at", item.expires_at.isoformat(), None, reason)
        return Status.ARCHIVED
    return item.status


def _content(item: PostItem, notes: Notes) -> str:
    content = storable(item.content)
    if content != item.content:
        removed = len(item.content) - len(content)
        notes.note("content", f"{removed} characters", "", "NUL characters and lone surrogates can't be stored.")
    if not (content.strip() if notes.is_exact else is_visible(content)):
        notes.note(
            "content", item.content, NO_CONTENT, "Content can't be empty; a comment that nobody sees stands for it."
        )
        return NO_CONTENT
    return content


def _rows(context: Context, noun: str, name: str, external_ids: list[str], notes: Notes, maximum: int) -> list[Any]:
    """Return the rows of these ids, each once; note those that are missing or too many."""
    rows: dict[Any, Any] = {}
    lost: list[str] = []
    for external_id in external_ids:
        row = context.find(noun, external_id)
        if row is None:
            notes.note(name, external_id, None, f"The {noun} could not be imported.")
        elif row.pk in rows or len(rows) < maximum:
            rows[row.pk] = row
        else:
            lost.append(external_id)
    if lost:
        notes.note(name, lost, None, f"At most {maximum} {name} are allowed; these were left out.")
    return list(rows.values())


def _categories(context: Context, item: PostItem, notes: Notes) -> list[Category]:
    return _rows(context, "category", "categories", item.categories, notes, limits.CATEGORIES_PER_POST_MAX)


def _co_authors(context: Context, item: PostItem, notes: Notes) -> list[User]:
    return _rows(context, "user", "co_authors", item.co_authors, notes, len(item.co_authors))


def _author(context: Context, item: PostItem, notes: Notes) -> User | None:
    author: User | None = context.find("user", item.author)
    if author is None:
        author = context.find("user", UNKNOWN_AUTHOR)
        notes.note("author", item.author, author and author.username, "The author could not be imported.")
    return author


def _bring_to_state(context: Context, post: Post, item: PostItem, notes: Notes) -> Post:
    """Bring the post from any state to the source's, by the transitions of posts."""
    now = context.now
    target = _target_status(item, notes)
    if post.status == Status.TRASHED and target != Status.TRASHED:
        post = restore_post(actor=SYSTEM, post=post, now=now)
    if post.status == Status.ARCHIVED and target in (Status.DRAFT, Status.PUBLISHED):
        post = restore_post(actor=SYSTEM, post=post, now=now)
    if target == Status.DRAFT:
        return unpublish_post(actor=SYSTEM, post=post, now=now) if post.status == Status.PUBLISHED else post
    if target == Status.PUBLISHED or (item.was_published and post.status == Status.DRAFT):
        post = _publish(context, post, item, notes)
    if (target == Status.ARCHIVED or item.was_archived) and post.status not in (Status.ARCHIVED, Status.TRASHED):
        post = archive_post(actor=SYSTEM, post=post, now=now)
    if target == Status.TRASHED and post.status != Status.TRASHED:
        return trash_post(actor=SYSTEM, post=post, now=now)
    return post


def _publish(context: Context, post: Post, item: PostItem, notes: Notes) -> Post:
    if post.status == Status.PUBLISHED:
        if item.published_at in (None, post.published_at):
            return post
        post = unpublish_post(actor=SYSTEM, post=post, now=context.now)
    if item.published_at is None:
        reason = "The source gives no date of publication; the moment of the import was taken."
        notes.note("published_at", None, context.now.isoformat(), reason)
    return publish_post(actor=SYSTEM, post=post, now=context.now, published_at=item.published_at)
