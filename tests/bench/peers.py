"""What the two peers have in common: the check of a token, and the queries of somebody who knows the ORM.

Both read the tables that v2 reads, by its indexes. Neither renders Markdown, writes a revision, an audit event, a search
document or a webhook job, or computes facets and highlights of a search: all of that is in their favour.
"""

import secrets
import uuid
from collections.abc import Sequence
from typing import Any, Final

from django.core import signing
from django.db import transaction
from django.db.models import BooleanField, FloatField, Prefetch, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.text import slugify

from cms.choices import CommentStatus
from cms.ids import parse_uuid
from cms.models import Category, Comment, Post, Tag, User
from cms.policy import Actor
from cms.search.english import english_key

SALT: Final = "bench.token"
TOKEN_AGE_S: Final = 24 * 3_600
PAGE: Final = 20
TAGS: Final = 100
COLUMNS: Final = (
    *("id", "slug", "title", "content", "excerpt", "status", "language", "author_id", "meta_title", "meta_description"),
    *("created_at", "updated_at", "published_at"),
)
AUTHOR: Final = ("id", "username", "display_name", "bio")
MATCHES: Final = "cms_searchdocument.vector @@ plainto_tsquery('simple', %s)"
RANK: Final = "ts_rank(cms_searchdocument.vector, plainto_tsquery('simple', %s), 1)"


# -- tokens -----------------------------------------------------------------------------------------------------------


def issue_token(request: HttpRequest, user_id: uuid.UUID) -> HttpResponse:
    """Sign in without a password, which no measurement is about."""
    return JsonResponse({"token": signing.dumps(str(user_id), salt=SALT)})


def user_of(token: str) -> User | None:
    """The account of a token that is signed, young enough, and somebody's: one statement, as of DRF's own tokens."""
    try:
        user_id = signing.loads(token, salt=SALT, max_age=TOKEN_AGE_S)
    except signing.BadSignature:
        return None
    return User.objects.filter(pk=user_id, is_active=True).only("id", "role", "is_active").first()


# -- reads ------------------------------------------------------------------------------------------------------------


def posts_seen(user: Actor, *, is_expanded: bool = False) -> QuerySet[Post]:
    """The posts that lists show, with the columns that are written; `is_expanded` has authors and tags as objects."""
    now = timezone.now()
    rows = Post.objects.visible_to(user, now).posts().live().filter(published_at__lte=now)
    return with_relations(rows, is_expanded=is_expanded)


def with_relations(rows: QuerySet[Post], *, is_expanded: bool = False) -> QuerySet[Post]:
    tags = Tag.objects.only("id", "name", "slug") if is_expanded else Tag.objects.only("id")
    found = rows.only(*COLUMNS).prefetch_related(
        Prefetch("tags", tags), Prefetch("categories", Category.objects.only("id"))
    )
    if not is_expanded:
        return found
    return found.select_related("author").only(*COLUMNS, *(f"author__{name}" for name in AUTHOR))


def chosen(rows: QuerySet[Post], tag: str | None, published_after: str | None) -> QuerySet[Post]:
    if tag:
        rows = rows.filter(tags__slug=tag)
    return rows.filter(published_at__gt=published_after) if published_after else rows


def posts_found(user: Actor, text: str) -> list[Post]:
    """The first page of hits: ranked by ids alone, and the posts of the page read by theirs."""
    word = english_key(text)
    matching = posts_seen(user).filter(search_document__isnull=False).filter(RawSQL(MATCHES, [word], BooleanField()))
    ranked = matching.annotate(rank=RawSQL(RANK, [word], FloatField())).order_by("-rank", "-id")
    ids = list(ranked.values_list("id", flat=True)[:PAGE])
    by_id = {post.pk: post for post in posts_seen(user).filter(pk__in=ids)}
    return [by_id[pk] for pk in ids if pk in by_id]


def post_seen(user: Actor, slug_or_id: str) -> Post:
    """Return the post that comments are about, without what it holds."""
    seen: QuerySet[Post] = Post.objects.visible_to(user, timezone.now()).only("id")
    return get_object_or_404(seen, **named(slug_or_id))


def tags_seen() -> QuerySet[Tag]:
    return Tag.objects.filter(usage_count__gt=0).order_by("name", "id")


def comments_seen(post: Post) -> QuerySet[Comment]:
    of_post = Comment.objects.filter(post=post, status=CommentStatus.PUBLISHED).select_related("author")
    people = (f"author__{name}" for name in AUTHOR)
    columns = ("id", "post_id", "text", "parent_id", "depth", "author_name", "created_at", *people)
    return of_post.only(*columns).order_by("thread_path")[:PAGE]


def named(slug_or_id: str) -> dict[str, Any]:
    pk = parse_uuid(slug_or_id)
    return {"pk": pk} if pk else {"slug": slug_or_id}


# -- writes -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def create(user: Any, title: str, content: str, tags: Sequence[str]) -> Post:
    now = timezone.now()
    slug = f"{slugify(title)[:180]}-{secrets.token_hex(4)}"
    post = Post.objects.create(
        title=title, content=content, slug=slug, author=user, created_at=now, updated_at=now, published_at=None
    )
    post.tags.add(*Tag.objects.filter(name__in=tags).only("id"))
    return post


def edit(user: Any, slug_or_id: str, **changes: str) -> Post:
    """Raises Post.DoesNotExist for a post that the user doesn't write."""
    post = Post.objects.written_by(user.pk).only(*COLUMNS).get(**named(slug_or_id))
    for name, value in changes.items():
        setattr(post, name, value)
    post.updated_at = timezone.now()
    post.save(update_fields=[*changes, "updated_at"])
    return post


def comment(user: Any, post: Post, text: str) -> Comment:
    written = Comment(post=post, author=user, text=text, status=CommentStatus.PUBLISHED)
    written.thread_path = written.pk.hex
    written.save(force_insert=True)
    return written
