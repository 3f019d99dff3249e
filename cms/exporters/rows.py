"""The objects of an export as plain values: names of fields to text, numbers, booleans and lists, without empty ones.

Relations are named as people name them: users by username, categories by slug, tags by name. Ids come along, so that an
import recognises an object. Within a kind of object they give the order: two exports of equal content are equal.
"""

import datetime
from collections.abc import Iterator
from typing import Any, Final

from cms.choices import Status
from cms.models import Category, Comment, Post, Tag, User

POSTS_AT_ONCE: Final = 200
ROWS_AT_ONCE: Final = 1_000


def user_rows() -> Iterator[dict[str, Any]]:
    names = ("username", "email", "first_name", "last_name", "display_name", "bio", "time_zone", "language", "role")
    for user in User.objects.order_by("pk").iterator(chunk_size=ROWS_AT_ONCE):
        flags = {"is_active": user.is_active, "email_verified": user.email_verified, "deleted_at": user.deleted_at}
        yield _row(user, {name: getattr(user, name) for name in names} | flags)


def category_rows() -> Iterator[dict[str, Any]]:
    for category in Category.objects.order_by("pk").select_related("parent").iterator(chunk_size=ROWS_AT_ONCE):
        values = {
            "name": category.name,
            "slug": category.slug,
            "parent": category.parent and category.parent.slug,
            "description": category.description,
            "is_active": category.is_active,
        }
        yield _row(category, values)


def tag_rows() -> Iterator[dict[str, Any]]:
    for tag in Tag.objects.order_by("pk").iterator(chunk_size=ROWS_AT_ONCE):
        yield _row(tag, {"name": tag.name, "slug": tag.slug, "description": tag.description})


def all_posts() -> Iterator[Post]:
    """Return every post and page in every state, with its relations; neither its content nor its comments."""
    posts = Post.objects.order_by("pk").defer("content", "content_html").select_related("author")
    related = posts.prefetch_related("co_authors", "tags", "categories", "redirects")
    return related.iterator(chunk_size=POSTS_AT_ONCE)


def content_of(post: Post) -> str:
    """Read the content, which may have a million characters, without keeping it on the post."""
    return Post.objects.values_list("content", flat=True).get(pk=post.pk)


def post_row(post: Post) -> dict[str, Any]:
    """Return everything except the content and the comments."""
    values = {
        "kind": post.kind,
        "title": post.title,
        "slug": post.slug,
        "status": post.status,
        "status_before_trash": post.status_before_trash if post.status == Status.TRASHED else "",
        "visibility": post.visibility,
        "language": post.language,
        "content_format": post.content_format,
        "author": post.author.username,
        "co_authors": sorted(user.username for user in post.co_authors.all()),
        "tags": sorted(tag.name for tag in post.tags.all()),
        "categories": sorted(category.slug for category in post.categories.all()),
        "excerpt": "" if post.is_excerpt_derived else post.excerpt,
        "meta_title": post.meta_title,
        "meta_description": post.meta_description,
        "published_at": post.published_at,
        "expires_at": post.expires_at,
        "version": post.version,
        "redirects": sorted(redirect.old_path for redirect in post.redirects.all()),
    }
    return _row(post, values)


def comment_rows(post: Post) -> list[dict[str, Any]]:
    """Return comments in the order of the thread: parents before their answers."""
    comments = post.comments.order_by("thread_path").select_related("author")
    return [_comment_row(comment) for comment in comments.iterator(chunk_size=ROWS_AT_ONCE)]


def _comment_row(comment: Comment) -> dict[str, Any]:
    values = {
        "parent": str(comment.parent_id) if comment.parent_id else "",
        "author": comment.author.username if comment.author else "",
        "author_name": comment.author_name,
        "author_email": comment.author_email,
        "status": comment.status,
        "text": comment.text,
        "edited_at": comment.edited_at,
    }
    return _row(comment, values)


def _row(row: User | Category | Tag | Post | Comment, values: dict[str, Any]) -> dict[str, Any]:
    everything = {"id": str(row.pk), **values, "created_at": row.created_at, "updated_at": row.updated_at}
    return {name: _plain(value) for name, value in everything.items() if value not in (None, "", [])}


def _plain(value: Any) -> Any:
    return value.astimezone(datetime.UTC).isoformat() if isinstance(value, datetime.datetime) else value
