"""The posts that a list asks for: its query parameters as a choice and its values, and the choice as conditions."""

import uuid
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Final

from django.db.models import Q, QuerySet, TextField, UUIDField
from django.db.models.functions import Lower

from api_v2.keyset import Sort, SortKey
from api_v2.pagination import AS_ONE, Reading
from api_v2.query import Query, refused
from api_v2.serializers.posts import SCHEDULED, STATUSES
from cms import policy
from cms.choices import Kind, Status
from cms.db.compiled import Given, ListOf, Row, compiled
from cms.ids import parse_uuid
from cms.models import Category, Post, Tag, User
from cms.policy import Actor
from cms.querysets.posts import PostQuerySet
from cms.querysets.readers import Reader
from cms.search import filter_posts
from cms.search.queries import QUERY_MAX
from cms.services.checks import check_language
from cms.services.tags import fold_tag_name

CHOOSING: Final = (
    *("status", "kind", "language", "author", "tag", "category"),
    *("published_after", "published_before", "updated_after", "ids"),
)
FILTERS: Final = (*CHOOSING, "q")
SORT_KEYS: Final = ("created_at", "updated_at", "published_at", "title")
SORTS: Final = tuple(f"{sign}{key}" for key in SORT_KEYS for sign in ("", "-"))
_ALWAYS_PUBLISHED_AT: Final = {"published", SCHEDULED}
_NAMING: Final = {"tag_ids", "category_ids"}
_LOOKUPS: Final = {
    "published_after": "published_at__gt",
    "published_before": "published_at__lt",
    "updated_after": "updated_at__gt",
    "ids": "pk__any_of",
}


@dataclass(frozen=True)
class Choice:
    """The shape of a choice of posts: all but the values of its filters."""

    statuses: frozenset[str]
    kinds: frozenset[str]
    filters: frozenset[str] = frozenset()
    """Names of FILTER_VALUES of `sources.py`: the filters that are given."""
    text: str | None = None
    """The text to search for, if there is one."""


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


def read_choice(query: Query, actor: Actor) -> tuple[Choice, dict[str, Any]]:
    """Return the choice of all filters, and the values of those but `q`. Terms that they name are looked up."""
    text = read_search_text(query)
    author_ids, usernames = _ids_and_texts(query.words("author"))
    tags, categories = query.words("tag"), query.words("category")
    values = {
        "languages": [tag.lower() for tag in _languages(query)],
        "author_ids": author_ids,
        "usernames": [name.lower() for name in usernames],
        "tag_ids": _tag_ids(tags) if tags else None,
        "category_ids": _with_descendants(categories, actor) if categories else None,
        "published_after": query.instant("published_after"),
        "published_before": query.instant("published_before"),
        "updated_after": query.instant("updated_after"),
        "ids": query.ids("ids"),
    }
    # A tag that doesn't exist leaves no posts; an empty list of anything else filters nothing.
    given = {name: value for name, value in values.items() if value or (value is not None and name in _NAMING)}
    kinds = frozenset(query.choices("kind", Kind.values, [Kind.POST]))
    return Choice(_statuses(query, actor), kinds, frozenset(given), text), given


def posts_chosen(rows: PostQuerySet, choice: Choice, given: Given) -> PostQuerySet:
    """Return those of `rows` that pass the filters. `given` has their values, and `now`."""
    filters = choice.filters
    conditions = [_status(choice.statuses, given.now), _kind(choice.kinds)]
    if "languages" in filters:
        # Case has no meaning in a tag (RFC 5646 section 2.1.1), and posts keep theirs as it was written.
        rows = rows.alias(folded_language=Lower("language")).filter(folded_language__any_of=given.languages)
    if filters & {"author_ids", "usernames"}:
        conditions.append(_author(filters, given))
    if "tag_ids" in filters:
        tagged = Post.tags.through.objects.filter(tag_id__any_of=given.tag_ids)
        conditions.append(Q(pk__in=tagged.values("post_id")))
    if "category_ids" in filters:
        below = Post.categories.through.objects.filter(category_id__any_of=given.category_ids)
        conditions.append(Q(pk__in=below.values("post_id")))
    lookups = {name: lookup for name, lookup in _LOOKUPS.items() if name in filters}
    rows = rows.filter(*conditions, **{lookup: getattr(given, name) for name, lookup in lookups.items()})
    return rows if choice.text is None else filter_posts(rows, choice.text)


def narrowing(chosen: tuple[Choice, dict[str, Any]], now: Any) -> Callable[[PostQuerySet], PostQuerySet]:
    """Return all filters of a choice but `q`, for use on any posts."""
    choice, values = chosen
    given, unsearched = SimpleNamespace(now=now, **values), replace(choice, text=None)
    return lambda rows: posts_chosen(rows, unsearched, given)


def reading_of(choice: Choice, sort: Sort, given: Given) -> Reading:
    """Return how posts are read best.

    Posts with a tag or category may stand far apart. With a narrowing filter posts are read as one: another index may
    find few rows, which are then sorted, and it would be asked for each choice. All others are read by kind. In the
    orders of publication and of titles they are read by status too, as their indexes keep statuses apart. The index of
    titles keeps published and scheduled posts together.
    """
    if choice.filters & _NAMING:
        return Reading(is_sparse=True)
    if choice.filters or choice.text is not None:
        return AS_ONE
    kinds, statuses = choice.kinds, choice.statuses
    first, both = sort.keys[0].column, {Status.PUBLISHED.value, SCHEDULED}
    if first not in ("published_at", "title") or not statuses:
        return Reading(choices=[Q(kind=kind) for kind in sorted(kinds)])
    apart = [{one} for one in sorted(statuses)]
    if first == "title" and both <= statuses:
        apart = [both, *({one} for one in sorted(statuses - both))]
    return Reading(choices=[Q(kind=kind) & _status(some, given.now) for kind in sorted(kinds) for some in apart])


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


def _statuses(query: Query, actor: Actor) -> frozenset[str]:
    """Return the requested statuses. A visitor sees published posts only, so no other ones are searched."""
    asked = frozenset(query.choices("status", STATUSES, [Status.PUBLISHED]))
    return asked if policy.is_known(actor) else asked & {Status.PUBLISHED}


def _status(statuses: AbstractSet[str], now: Any) -> Q:
    condition = Q() if statuses else Q(pk__in=())
    for status in sorted(statuses):
        if status == SCHEDULED:
            condition |= Q(status=Status.PUBLISHED, published_at__gt=now)
        elif status == Status.PUBLISHED:
            condition |= Q(status=Status.PUBLISHED, published_at__lte=now)
        else:
            condition |= Q(status=status)
    return condition


def _kind(kinds: AbstractSet[str]) -> Q:
    return Q(kind__in=sorted(kinds)) if len(kinds) > 1 else Q(kind=next(iter(kinds)))


def _languages(query: Query) -> list[str]:
    tags = query.words("language")
    if wrong := [tag for tag in tags if check_language("language", tag)]:
        named = ", ".join(repr(tag) for tag in wrong)
        message = f"'language' takes BCP 47 language tags, such as en or pt-BR, separated by commas, and not {named}."
        raise refused("language", "invalid_language", message)
    return tags


def _author(filters: AbstractSet[str], given: Given) -> Q:
    condition = Q(author_id__any_of=given.author_ids) if "author_ids" in filters else Q()
    if "usernames" in filters:
        named = User.objects.alias(folded=Lower("username")).filter(folded__any_of=given.usernames)
        condition |= Q(author_id__in=named.values("pk"))
    return condition


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
    rows = _tags_named.rows(None, ids=ids, slugs=texts, keys=[fold_tag_name(text) for text in texts])
    return [row["id"] for row in rows]


@compiled(ids=ListOf(UUIDField()), slugs=ListOf(TextField()), keys=ListOf(TextField()))
def _tags_named(_: None, given: Given) -> QuerySet[Any, Row]:
    named = Q(pk__any_of=given.ids) | Q(slug__any_of=given.slugs) | Q(name_key__any_of=given.keys)
    return Tag.objects.filter(named).order_by().values("id")


@compiled()
def _categories_seen(reader: Reader, _: Given) -> QuerySet[Any, Row]:
    return Category.objects.visible_to(reader.with_id(None)).order_by().values("id", "parent_id", "slug")


def _with_descendants(words: list[str], actor: Actor) -> list[uuid.UUID]:
    """Return the ids of the named visible categories, and of all visible ones below them."""
    children: dict[uuid.UUID | None, list[uuid.UUID]] = defaultdict(list)
    ids, slugs = _ids_and_texts(words)
    found: set[uuid.UUID] = set()
    for row in _categories_seen.rows(Reader.of(actor)):
        children[row["parent_id"]].append(row["id"])
        if row["id"] in ids or row["slug"] in slugs:
            found.add(row["id"])
    todo = list(found)
    while todo:
        below = [pk for pk in children[todo.pop()] if pk not in found]
        found.update(below)
        todo += below
    return list(found)
