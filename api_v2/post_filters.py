"""The posts that a list asks for: its query parameters as conditions, to be combined with `visible_to`."""

import datetime
import uuid
from collections import defaultdict
from typing import Any, Final

from django.db.models import Q
from django.db.models.functions import Lower

from api_v2.keyset import Sort, SortKey
from api_v2.pagination import AS_ONE, Reading
from api_v2.query import Query, refused
from api_v2.serializers.posts import SCHEDULED, STATUSES
from cms import policy
from cms.choices import Kind, Status
from cms.ids import parse_uuid
from cms.models import Category, Post, Tag, User
from cms.policy import Actor
from cms.querysets.posts import PostQuerySet
from cms.search import filter_posts
from cms.search.queries import QUERY_MAX
from cms.search.results import Narrowing
from cms.services.checks import check_language
from cms.services.tags import fold_tag_name

CHOOSING: Final = (
    *("status", "kind", "language", "author", "tag", "category"),
    *("published_after", "published_before", "updated_after", "ids"),
)
FILTERS: Final = (*CHOOSING, "q")
NARROWING: Final = ("language", "author", "ids", "q", "published_after", "published_before", "updated_after")
"""Filters that may leave few rows."""
SORT_KEYS: Final = ("created_at", "updated_at", "published_at", "title")
SORTS: Final = tuple(f"{sign}{key}" for key in SORT_KEYS for sign in ("", "-"))
_ALWAYS_PUBLISHED_AT: Final = {"published", SCHEDULED}


def posts_asked_for(query: Query, actor: Actor, now: datetime.datetime) -> PostQuerySet:
    """Return the visible posts that pass every filter; by default the published ones of kind post."""
    text = read_search_text(query)
    rows = posts_chosen(query, actor, now)
    return filter_posts(rows, text) if text else rows


def read_search_text(query: Query) -> str | None:
    """Return the text to search for; None when the request has no `q`."""
    text = query.text("q")
    if text is None:
        return None
    if not text.strip():
        raise refused("q", "empty", "'q' is blank.")
    if len(text) > QUERY_MAX:
        raise refused("q", "too_long", f"'q' has more than {QUERY_MAX} characters.")
    return text


def posts_chosen(query: Query, actor: Actor, now: datetime.datetime) -> PostQuerySet:
    """Return the visible posts that pass all filters but `q`."""
    return choice_of(query, actor, now)(Post.objects.visible_to(actor, now))


def choice_of(query: Query, actor: Actor, now: datetime.datetime) -> Narrowing:
    """Return all filters but `q`, for use on any posts; terms that they name are read once."""
    conditions = [_status(_statuses(query, actor), now) & _columns(query)]
    languages = [tag.lower() for tag in _languages(query)]
    if authors := query.words("author"):
        conditions.append(_author(authors))
    if tags := query.words("tag"):
        conditions.append(Q(pk__in=Post.tags.through.objects.filter(tag_id__in=_tag_ids(tags)).values("post_id")))
    if categories := query.words("category"):
        below = Post.categories.through.objects.filter(category_id__in=_with_descendants(categories, actor))
        conditions.append(Q(pk__in=below.values("post_id")))

    def choose(rows: PostQuerySet) -> PostQuerySet:
        if languages:
            # Case has no meaning in a tag (RFC 5646 section 2.1.1), and posts keep theirs as it was written.
            rows = rows.alias(folded_language=Lower("language")).filter(folded_language__in=languages)
        return rows.filter(*conditions)

    return choose


def reading_of(query: Query, actor: Actor, now: datetime.datetime, sort: Sort) -> Reading:
    """Return how posts are read best.

    Posts with a tag or category may stand far apart. With a narrowing filter posts are read as one: another index may
    find few rows, which are then sorted, and it would be asked for each choice. All others are read by kind. In the
    orders of publication and of titles they are read by status too, as their indexes keep statuses apart. The index of
    titles keeps published and scheduled posts together.
    """
    if query.given(("tag", "category")):
        return Reading(is_sparse=True)
    if query.given(NARROWING):
        return AS_ONE
    kinds, statuses = query.choices("kind", Kind.values, [Kind.POST]), _statuses(query, actor)
    first, both = sort.keys[0].column, {Status.PUBLISHED.value, SCHEDULED}
    if first not in ("published_at", "title") or not statuses:
        return Reading(choices=[Q(kind=kind) for kind in sorted({*kinds})])
    apart = [{one} for one in sorted(statuses)]
    if first == "title" and both <= statuses:
        apart = [both, *({one} for one in sorted(statuses - both))]
    return Reading(choices=[Q(kind=kind) & _status(some, now) for kind in sorted({*kinds}) for some in apart])


def read_sort(query: Query, actor: Actor) -> Sort:
    """Return the requested order, by default the newest publication first."""
    names = query.choices("sort", SORTS, ["-published_at"])
    columns = [name.removeprefix("-") for name in names]
    if len(set(columns)) < len(columns):
        raise refused("sort", "repeated", "'sort' names a key twice.")
    # By a constraint nothing is published or scheduled without an instant; of the other states it may be missing.
    has_instant = _statuses(query, actor) <= _ALWAYS_PUBLISHED_AT
    return Sort(
        tuple(
            SortKey(column, name.startswith("-"), is_nullable=column == "published_at" and not has_instant)
            for name, column in zip(names, columns, strict=True)
        )
    )


def _statuses(query: Query, actor: Actor) -> set[str]:
    """Return the requested statuses. A visitor sees published posts only, so no other ones are searched."""
    asked = set(query.choices("status", STATUSES, [Status.PUBLISHED]))
    return asked if policy.is_known(actor) else asked & {Status.PUBLISHED}


def _status(statuses: set[str], now: datetime.datetime) -> Q:
    condition = Q() if statuses else Q(pk__in=())
    for status in sorted(statuses):
        if status == SCHEDULED:
            condition |= Q(status=Status.PUBLISHED, published_at__gt=now)
        elif status == Status.PUBLISHED:
            condition |= Q(status=Status.PUBLISHED, published_at__lte=now)
        else:
            condition |= Q(status=status)
    return condition


def _columns(query: Query) -> Q:
    kinds = query.choices("kind", Kind.values, [Kind.POST])
    condition = Q(kind=kinds[0]) if len(kinds) == 1 else Q(kind__in=kinds)
    lookups: dict[str, Any] = {
        "published_at__gt": query.instant("published_after"),
        "published_at__lt": query.instant("published_before"),
        "updated_at__gt": query.instant("updated_after"),
        "pk__in": query.ids("ids") or None,
    }
    return condition & Q(**{lookup: value for lookup, value in lookups.items() if value is not None})


def _languages(query: Query) -> list[str]:
    tags = query.words("language")
    if wrong := [tag for tag in tags if check_language("language", tag)]:
        named = ", ".join(repr(tag) for tag in wrong)
        message = f"'language' takes BCP 47 language tags, such as en or pt-BR, separated by commas, and not {named}."
        raise refused("language", "invalid_language", message)
    return tags


def _author(authors: list[str]) -> Q:
    ids, usernames = _ids_and_texts(authors)
    named = User.objects.alias(folded=Lower("username")).filter(folded__in=[name.lower() for name in usernames])
    return Q(author_id__in=ids) | Q(author_id__in=named.values("pk")) if usernames else Q(author_id__in=ids)


def _ids_and_texts(words: list[str]) -> tuple[list[uuid.UUID], list[str]]:
    """Return the texts in the form of an id, and the others: no slug and no username has that form."""
    ids = {word: parse_uuid(word) for word in words}
    return [found for found in ids.values() if found], [word for word, found in ids.items() if not found]


def _tag_ids(words: list[str]) -> list[uuid.UUID]:
    """Return the ids of tags. With an id PostgreSQL knows whether a tag is on a few posts or on every tenth.

    For a few it reads them all and sorts. For many it goes down the list until it has a page. Without knowing, it goes
    down the list, and for a tag of three posts to its very end.
    """
    ids, texts = _ids_and_texts(words)
    named = Q(slug__in=texts) | Q(name_key__in=[fold_tag_name(text) for text in texts])
    return list(Tag.objects.filter(Q(pk__in=ids) | named).order_by().values_list("pk", flat=True))


def _with_descendants(words: list[str], actor: Actor) -> set[uuid.UUID]:
    """Return the ids of the named visible categories, and of all visible ones below them."""
    children: dict[uuid.UUID | None, list[uuid.UUID]] = defaultdict(list)
    ids, slugs = _ids_and_texts(words)
    found: set[uuid.UUID] = set()
    for pk, parent_id, slug in Category.objects.visible_to(actor).values_list("pk", "parent_id", "slug"):
        children[parent_id].append(pk)
        if pk in ids or slug in slugs:
            found.add(pk)
    todo = list(found)
    while todo:
        below = [pk for pk in children[todo.pop()] if pk not in found]
        found.update(below)
        todo += below
    return found
