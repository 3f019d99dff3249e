"""The demo content: users, terms, posts and comments of `cms/demo/`, written through the services like any other."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.db import transaction

from cms.choices import CommentStatus, Status
from cms.models import Category, Comment, Post, Tag, User
from cms.policy import SYSTEM
from cms.seeding.accounts import ACCOUNTS, DOMAIN, PASSWORD
from cms.services.categories import CategoryFields, create_category
from cms.services.comments import CommentFields, create_comment
from cms.services.imported import backdate_post
from cms.services.post_states import archive_post, publish_post
from cms.services.posts import PostFields, create_post
from cms.services.tags import create_tag
from cms.services.users import create_user, set_password
from cms.text.slugs import slugify

FOLDER = Path(__file__).resolve().parent.parent / "demo"
OPTIONAL_TEXTS = ("language", "kind", "visibility", "excerpt", "meta_title", "meta_description")


def is_empty() -> bool:
    """Whether nobody has used this database yet: no user and no post."""
    return not User.objects.exists() and not Post.objects.exists()


def is_demo() -> bool:
    """Whether the demo accounts are here, so that seeding adds to what it made itself."""
    present = User.objects.filter(username__in=ACCOUNTS, email__endswith=DOMAIN).count()
    return bool(present == len(ACCOUNTS))


def seed_demo(*, password: str | None, now: datetime.datetime) -> dict[str, int]:
    """Make what of the demo content is missing; how many of each were made. All of it, or nothing.

    `password` is for the four demo accounts; with None nobody can sign in as them.
    """
    with transaction.atomic():
        site = yaml.safe_load((FOLDER / "site.yaml").read_text())
        return {
            "users": _seed_users(site["users"], password, now),
            "categories": _seed_categories(site["categories"], now),
            "tags": _seed_tags(site["tags"], now),
            "posts": _seed_posts(now),
            "comments": _seed_comments(now),
        }


def default_password() -> str | None:
    """Return the published demo password where only this machine reads the database, none on a server's."""
    return PASSWORD if settings.IS_SQLITE else None


def set_demo_passwords(password: str, now: datetime.datetime) -> None:
    for user in User.objects.filter(username__in=ACCOUNTS):
        set_password(actor=SYSTEM, user=user, password=password, now=now)


def _seed_users(users: list[dict[str, Any]], password: str | None, now: datetime.datetime) -> int:
    present = set(User.objects.values_list("username", flat=True))
    missing = [fields for fields in users if fields["username"] not in present]
    for fields in missing:
        own_password = password if fields["username"] in ACCOUNTS else None
        create_user(
            actor=SYSTEM,
            fields={**fields, "email_verified": True},  # type: ignore[typeddict-item]
            password=own_password,
            now=now,
        )
    return len(missing)


def _seed_categories(categories: list[dict[str, Any]], now: datetime.datetime) -> int:
    by_slug = {category.slug: category for category in Category.objects.all()}
    missing = [fields for fields in categories if fields["slug"] not in by_slug]
    for fields in missing:
        values: CategoryFields = {
            **fields,  # type: ignore[typeddict-item]
            "parent": by_slug[fields["parent"]] if "parent" in fields else None,
        }
        by_slug[fields["slug"]] = create_category(actor=SYSTEM, fields=values, now=now)
    return len(missing)


def _seed_tags(tags: list[dict[str, Any]], now: datetime.datetime) -> int:
    present = set(Tag.objects.values_list("name", flat=True))
    missing = [fields for fields in tags if fields["name"] not in present]
    for fields in missing:
        create_tag(
            actor=SYSTEM,
            fields={**fields, "slug": slugify(fields["name"], fallback="tag")},  # type: ignore[typeddict-item]
            now=now,
        )
    return len(missing)


def _seed_posts(now: datetime.datetime) -> int:
    users = {user.username: user for user in User.objects.all()}
    categories = {category.slug: category for category in Category.objects.all()}
    present = set(Post.objects.values_list("slug", flat=True))
    missing = [(front, content) for front, content in read_post_files() if front["slug"] not in present]
    for front, content in missing:
        written_at = _instant(front["date"])
        fields: PostFields = {
            "title": front["title"],
            "slug": front["slug"],
            "content": content,
            "tags": front.get("tags", []),
            "categories": [categories[slug] for slug in front.get("categories", [])],
            "co_authors": [users[name] for name in front.get("co_authors", [])],
            "created_at": written_at,
            **{name: front[name] for name in OPTIONAL_TEXTS if name in front},  # type: ignore[typeddict-item]
        }
        post = create_post(actor=SYSTEM, fields=fields, now=now, author=users[front["author"]])
        _bring_to_state(post, front, written_at, now)
        backdate_post(actor=SYSTEM, post=post, updated_at=written_at)
    return len(missing)


def _bring_to_state(post: Post, front: dict[str, Any], written_at: datetime.datetime, now: datetime.datetime) -> None:
    status = front.get("status", Status.PUBLISHED)
    if status == Status.DRAFT:
        return
    published_at = _instant(front["published_at"]) if "published_at" in front else written_at
    expires_at = _instant(front["expires_at"]) if "expires_at" in front else None
    post = publish_post(actor=SYSTEM, post=post, now=now, published_at=published_at, expires_at=expires_at)
    if status == Status.ARCHIVED:
        archive_post(actor=SYSTEM, post=post, now=now)


def _seed_comments(now: datetime.datetime) -> int:
    """Comments are made together with their posts' first seeding: a post that has any is left alone."""
    rows = yaml.safe_load((FOLDER / "comments.yaml").read_text())
    users = {user.username: user for user in User.objects.all()}
    posts = {post.slug: post for post in Post.objects.filter(slug__in={row["post"] for row in rows})}
    commented = set(Comment.objects.filter(post__in=posts.values()).values_list("post__slug", flat=True))
    by_key: dict[str, Comment] = {}
    for row in rows:
        if row["post"] in commented:
            continue
        fields: CommentFields = {
            "text": row["text"].strip(),
            "parent": by_key[row["parent"]] if "parent" in row else None,
            "status": row.get("status", CommentStatus.PUBLISHED),
            "created_at": _instant(row["date"]),
            "author": users[row["author"]] if "author" in row else None,
            "author_name": row.get("author_name", ""),
            "author_email": row.get("author_email", ""),
        }
        by_key[row["key"]] = create_comment(actor=SYSTEM, post=posts[row["post"]], fields=fields, now=now)
    return len(by_key)


def read_post_files() -> Iterator[tuple[dict[str, Any], str]]:
    """Front matter and content of each demo post, in the order of their file names."""
    for path in sorted((FOLDER / "posts").glob("*.md")):
        _, front, content = path.read_text().split("---\n", 2)
        yield yaml.safe_load(front), content.strip() + "\n"


def _instant(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)
