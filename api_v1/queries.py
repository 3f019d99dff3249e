"""v1's queries to the domain: its filters, sort keys and columns, on top of the rows that `visible_to` shows."""

import datetime
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, DateTimeField, F, Model, Q, QuerySet, UUIDField, Value
from django.http import QueryDict
from rest_framework.exceptions import ParseError

from api_v1.pagination import KeptRows, Page
from cms import policy
from cms.choices import Role, Status
from cms.db.compiled import Given, ListOf, Row, columns_of, compiled, objects_of
from cms.errors import FieldError, InvalidInput, NotFound, PermissionRefused
from cms.ids import parse_uuid
from cms.models import ApiKey, Category, Comment, Post, Tag, User
from cms.policy import Actor
from cms.querysets.api_keys import ApiKeyQuerySet
from cms.querysets.posts import PostQuerySet
from cms.querysets.readers import Reader
from cms.querysets.users import UserQuerySet
from cms.services.tags import fold_tag_name

POST_COLUMNS: Final = (
    *("title", "content", "excerpt", "status", "author", "meta_title", "meta_description"),
    *("created_at", "updated_at", "published_at"),
)
POST_SORT_KEYS: Final = ("created_at", "updated_at", "published_at", "title")
USER_SORT_KEYS: Final = ("created_at", "updated_at", "username", "email", "last_login")
_GIVEN: Final[dict[str, Any]] = {"now": DateTimeField(), "viewer": UUIDField(), "post": UUIDField()}
FILTERABLE_STATES: Final = (Status.DRAFT, Status.PUBLISHED, Status.ARCHIVED)


@dataclass(frozen=True)
class TermNames:
    """The names of the tags and categories of some posts, each by the post's id and in alphabetical order."""

    tags: Mapping[UUID, list[str]]
    categories: Mapping[UUID, list[str]]


def list_posts(query: QueryDict, user: Actor, now: datetime.datetime) -> PostQuerySet:
    """Return the posts of a list, filtered and sorted by `query`. Raises ParseError for an `author` without a UUID."""
    wanted = _wanted_status(query) if policy.may_write_posts(user) else None
    status = wanted or Status.PUBLISHED
    posts = Post.objects.visible_to(user, now).posts().filter(status=status)
    # Published posts all have their instant: with NULLS LAST PostgreSQL would only lose its index.
    return _filtered_and_sorted(posts, query, () if status == Status.PUBLISHED else ("published_at",))


def list_posts_of_all_states(query: QueryDict, user: Actor, now: datetime.datetime) -> PostQuerySet:
    """Return the same for the state in `query`, else for every state except the trash."""
    posts, status = visible_posts(user, now).posts(), _wanted_status(query)
    return _filtered_and_sorted(posts.filter(status=status) if status else posts, query, ("published_at",))


def visible_posts(user: Actor, now: datetime.datetime) -> PostQuerySet:
    """Return the posts that may be read by id; v1 never finds a post in the trash, for any caller."""
    return Post.objects.visible_to(user, now).not_trashed()


def find_post(uuid: str, user: Actor, now: datetime.datetime) -> Post:
    """Return a post. Raises ParseError for an id that is not a UUID, NotFound for a post that `user` may not read."""
    post = visible_posts(user, now).only(*POST_COLUMNS).filter(pk=uuid_or_refuse(uuid)).first()
    if post is None:
        raise NotFound
    return post


def term_names(posts: Sequence[Post], user: Actor) -> TermNames:
    """Return the names by one statement for any number of posts: model instances would cost half of a list."""
    rows = _terms_of.rows(Reader.of(user), posts=[post.pk for post in posts]) if posts else []
    return TermNames(
        tags=_grouped(row for row in rows if row["is_tag"]),
        categories=_grouped(row for row in rows if not row["is_tag"]),
    )


@compiled(posts=ListOf(UUIDField()))
def _terms_of(reader: Reader, given: Given) -> Any:
    visible = Category.objects.visible_to(reader.with_id(None))
    filed = Post.categories.through.objects.filter(post_id__any_of=given.posts, category__in=visible)
    tagged = Post.tags.through.objects.filter(post_id__any_of=given.posts)
    both = _links(tagged, "tag", is_tag=True).union(_links(filed, "category", is_tag=False), all=True)
    return both.order_by("name", "term")


def _links(links: Any, term: str, *, is_tag: bool) -> Any:
    return links.values("post_id", name=F(f"{term}__name"), term=F(f"{term}_id"), is_tag=Value(is_tag))


def list_tags(query: QueryDict, user: Actor, now: datetime.datetime) -> Page:
    """Return the tags that `user` may see, by name."""
    return Page(_kept_rows(Tag, _tags_seen, user, now=now), query)


def list_comments(post_id: UUID, query: QueryDict, user: Actor, now: datetime.datetime) -> Page:
    """Return the comments of a post, oldest first. Raises NotFound for a post that `user` may not read."""
    if not _post_seen.rows(Reader.of(user), now=now, viewer=user.pk, post=post_id):
        raise NotFound
    return Page(_kept_rows(Comment, _comments_seen, user, now=now, post=post_id), query)


type _Rows = Callable[[Actor, Given], QuerySet[Any]]


def _kept_rows(model: type[Model], rows: _Rows, user: Actor, **values: Any) -> KeptRows:
    reader, given = Reader.of(user), {"viewer": user.pk, **values}
    return KeptRows(
        count=lambda: sum(row["total"] for row in _number_of.rows((rows, reader), **given)),
        first=lambda limit: objects_of(model, _first_of.rows((rows, reader, limit), **given)),
        rows=lambda: rows(user, SimpleNamespace(**given)),
    )


@compiled(**_GIVEN)
def _first_of(shape: tuple[_Rows, Reader, int], given: Given) -> Any:
    rows, reader, limit = shape
    seen = rows(reader.with_id(given.viewer), given)
    return seen.values(*columns_of(seen.model))[:limit]


@compiled(**_GIVEN)
def _number_of(shape: tuple[_Rows, Reader], given: Given) -> Any:
    rows, reader = shape
    one_group = rows(reader.with_id(given.viewer), given).order_by().values(one=Value(1))
    return one_group.annotate(total=Count("*")).values("total")  # of all, or none


@compiled(**_GIVEN)
def _post_seen(reader: Reader, given: Given) -> Any:
    return visible_posts(reader.with_id(given.viewer), given.now).filter(pk=given.post).order_by().values("pk")


def _tags_seen(user: Actor, given: Given) -> QuerySet[Tag]:
    return Tag.objects.visible_to(user, given.now).by_name()


def _comments_seen(user: Actor, given: Given) -> QuerySet[Comment]:
    comments = Comment.objects.visible_to(user, given.now).filter(post_id=given.post)
    return comments.order_by("created_at", "id")


def find_category_named(name_or_slug: str, user: Actor) -> Category:
    """Return the category of a request's body. A unique slug takes precedence over a name. Raises InvalidInput."""
    named = Category.objects.visible_to(user).filter(Q(slug=name_or_slug) | Q(name=name_or_slug)).by_name()
    found: list[Category] = sorted(named, key=lambda category: category.slug != name_or_slug)
    if not found:
        raise InvalidInput([FieldError("category", "unknown", "There is no category with this name or slug.")])
    return found[0]


def list_accounts(query: QueryDict, user: Actor) -> UserQuerySet:
    """Return the accounts of a list. A value that is neither a role nor true or false filters nothing."""
    accounts = User.objects.accounts_visible_to(user)
    role, active = query.get("role", "").lower(), query.get("active", "").lower()
    if role in Role.values:
        accounts = accounts.filter(role=role)
    if active in ("true", "false"):
        accounts = accounts.filter(is_active=active == "true")
    return accounts.order_by(*order_by(query.get("sort", ""), USER_SORT_KEYS, nullable=("last_login",)))


def find_account(uuid: str, user: User) -> User:
    """Return one's own account, or any for admins. Others get one refusal for all, so nobody can probe for ids."""
    user_id = uuid_or_refuse(uuid)
    if user_id != user.pk and not policy.may_manage_users(user):
        raise PermissionRefused("Only admins see and change other users.")
    account = User.objects.accounts_visible_to(user).filter(pk=user_id).first()
    if account is None:
        raise NotFound
    return account


def list_own_api_keys(user: User) -> ApiKeyQuerySet:
    """Return one's own keys, the newest first, revoked ones too."""
    keys = ApiKey.objects.visible_to(user).filter(owner=user)
    return keys.order_by("-created_at", "-id")


def find_api_key_row(uuid: str, user: User) -> ApiKey:
    api_key = ApiKey.objects.visible_to(user).filter(pk=uuid_or_refuse(uuid)).first()
    if api_key is None:
        raise NotFound
    return api_key


def count_searchable(user: Actor, now: datetime.datetime) -> int:
    posts = visible_posts(user, now).posts()
    return posts.exclude(search_document=None).count()


def order_by(sort: str, keys: Collection[str], nullable: Collection[str] = ()) -> list[Any]:
    """Return `field` or `-field`, then the id in the same direction, and the place of NULLs, as the engines differ."""
    key = sort.removeprefix("-")
    if key not in keys:
        sort, key = "-created_at", "created_at"
    is_descending = sort.startswith("-")
    by_key: Any = sort
    if key in nullable:
        by_key = F(key).desc(nulls_last=True) if is_descending else F(key).asc(nulls_last=True)
    return [by_key, "-id" if is_descending else "id"]


def uuid_or_refuse(text: str) -> UUID:
    uuid = parse_uuid(text)
    if uuid is None:
        raise ParseError("This is not a valid UUID.")
    return uuid


def is_storable(text: str) -> bool:
    """Return whether a row can hold `text` at all: PostgreSQL refuses even a query with a NUL."""
    return "\x00" not in text


def _wanted_status(query: QueryDict) -> Status | None:
    wanted = query.get("status")
    return Status(wanted) if wanted in FILTERABLE_STATES else None


def _grouped(rows: Iterable[Row]) -> dict[UUID, list[str]]:
    names: dict[UUID, list[str]] = {}
    for row in rows:
        names.setdefault(row["post_id"], []).append(row["name"])
    return names


def _ids_tagged(name_or_slug: str) -> Any:
    """Return a subquery: a join would repeat a post that carries the name by one tag and the slug by another."""
    if not is_storable(name_or_slug):
        return []
    tags = Tag.objects.filter(Q(slug=name_or_slug) | Q(name_key=fold_tag_name(name_or_slug)))
    return Post.tags.through.objects.filter(tag__in=tags).values("post_id")


def _filtered_and_sorted(posts: PostQuerySet, query: QueryDict, nullable: Collection[str]) -> PostQuerySet:
    if author := query.get("author"):
        posts = posts.filter(author_id=uuid_or_refuse(author))
    if tag := query.get("tag"):
        posts = posts.filter(pk__in=_ids_tagged(tag))
    return posts.only(*POST_COLUMNS).order_by(*order_by(query.get("sort", ""), POST_SORT_KEYS, nullable))
