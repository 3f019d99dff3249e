"""v1's queries to the domain: its filters, sort keys and columns, on top of the rows that `visible_to` shows."""

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db.models import F, Q, QuerySet, UUIDField, Value
from django.http import QueryDict
from rest_framework.exceptions import ParseError

from api_v1.kept import Kept
from api_v1.pagination import Page
from cms import policy
from cms.choices import Role, Status
from cms.db.compiled import Given, ListOf, Row, compiled
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
FILTERABLE_STATES: Final = (Status.DRAFT, Status.PUBLISHED, Status.ARCHIVED)


@dataclass(frozen=True)
class TermNames:
    """The names of the tags and categories of some posts, each by the post's id and in alphabetical order."""

    tags: Mapping[UUID, list[str]]
    categories: Mapping[UUID, list[str]]


def list_posts(query: QueryDict, user: Actor, now: datetime.datetime) -> Page:
    """Return a page of posts, filtered and sorted by `query`. Raises ParseError for an `author` without a UUID."""
    wanted = _wanted_status(query) if policy.may_write_posts(user) else None
    return _posts(query, user, now, wanted or Status.PUBLISHED)


def list_posts_of_all_states(query: QueryDict, user: Actor, now: datetime.datetime) -> Page:
    """Return the same for the state in `query`, else for every state except the trash."""
    return _posts(query, user, now, _wanted_status(query))


def visible_posts(user: Actor, now: datetime.datetime) -> PostQuerySet:
    """Return the posts that may be read by id; v1 never finds a post in the trash, for any caller."""
    return Post.objects.visible_to(user, now).not_trashed()


def find_post(uuid: str, user: Actor, now: datetime.datetime) -> Post:
    """Return a post. Raises ParseError for an id that is not a UUID, NotFound for a post that `user` may not read."""
    posts = Kept(Post, _post_seen, user, {"now": now, "id": uuid_or_refuse(uuid)}, POST_COLUMNS).first(1)
    if not posts:
        raise NotFound
    found: Post = posts[0]
    return found


def content_of(post: Post, user: Actor, now: datetime.datetime) -> str:
    """Return a post's content; none if `user` may not read the post any more."""
    return visible_posts(user, now).filter(pk=post.pk).values_list("content", flat=True).first() or ""


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
    return Page(Kept(Tag, _tags_seen, user, {"now": now}), query)


def list_comments(post_id: UUID, query: QueryDict, user: Actor, now: datetime.datetime) -> Page:
    """Return the comments of a post, oldest first. Raises NotFound for a post that `user` may not read."""
    given = {"now": now, "id": post_id}
    if not Kept(Post, _post_seen, user, given, ("id",)).first(1):
        raise NotFound
    return Page(Kept(Comment, _comments_of_post_seen, user, given), query)


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


def _post_seen(user: Actor, given: Given) -> PostQuerySet:
    return visible_posts(user, given.now).filter(pk=given.id).order_by()


def _tags_seen(user: Actor, given: Given) -> QuerySet[Tag]:
    return Tag.objects.visible_to(user, given.now).by_name()


def _comments_of_post_seen(user: Actor, given: Given) -> QuerySet[Comment]:
    return Comment.objects.visible_to(user, given.now).filter(post_id=given.id).order_by("created_at", "id")


@dataclass(frozen=True)
class _PostsSeen:
    """Posts of one state, or of all but the trash; `filters` are the names of the values that choose among them."""

    status: Status | None
    filters: frozenset[str]
    sort: str

    def __call__(self, user: Actor, given: Given) -> PostQuerySet:
        posts = visible_posts(user, given.now).posts()
        if self.status:
            posts = posts.filter(status=self.status)
        if "author" in self.filters:
            posts = posts.filter(author_id=given.author)
        if "tag_slug" in self.filters:
            # A subquery: a join would repeat a post that carries the name by one tag and the slug by another.
            tags = Tag.objects.filter(Q(slug=given.tag_slug) | Q(name_key=given.tag_key))
            posts = posts.filter(pk__in=Post.tags.through.objects.filter(tag__in=tags).values("post_id"))
        # Published posts all have their instant: with NULLS LAST PostgreSQL would only lose its index.
        nullable = () if self.status == Status.PUBLISHED else ("published_at",)
        return posts.order_by(*order_by(self.sort, POST_SORT_KEYS, nullable))


def _posts(query: QueryDict, user: Actor, now: datetime.datetime, status: Status | None) -> Page:
    values: dict[str, Any] = {}
    if author := query.get("author"):
        values["author"] = uuid_or_refuse(author)
    if tag := query.get("tag"):
        if not is_storable(tag):
            return Page(Post.objects.none(), query)
        values |= {"tag_slug": tag, "tag_key": fold_tag_name(tag)}
    sort = query.get("sort", "")
    seen = _PostsSeen(status, frozenset(values), sort if sort.removeprefix("-") in POST_SORT_KEYS else "")
    return Page(Kept(Post, seen, user, {"now": now, **values}, POST_COLUMNS), query)
