"""`include=…`: the objects that posts name by id, each once, all by one query."""

from collections.abc import Iterable
from operator import itemgetter
from typing import Any, Final

from django.db.models import QuerySet, UUIDField, Value
from django.db.models.functions import Cast

from api_v2.pagination import Row
from api_v2.serializers.shapes import Shape, Viewer, split_ids, write
from api_v2.serializers.terms import CATEGORY, TAG, category_columns
from api_v2.serializers.users import PUBLIC
from cms.db.compiled import Given, ListOf, compiled
from cms.models import Category, Tag, User
from cms.policy import Actor
from cms.querysets.readers import Reader

INCLUDES: Final = ("author", "tags", "categories", "comment_count")
# Which columns of a post name the objects, by the name of the include.
ID_COLUMNS: Final = {
    "author": ("author_id", "co_author_ids"),
    "tags": ("tag_ids",),
    "categories": ("category_ids",),
}
_NAMES: Final = {"author": "authors", "tags": "tags", "categories": "categories"}
_SHAPES: Final[dict[str, Shape]] = {"author": PUBLIC, "tags": TAG, "categories": CATEGORY}
# The branches of the UNION in one order of types: name, id, two instants, three texts, a number, a parent, a switch.
_ENTITY: Final = ("branch", "id", "created_at", "updated_at")
_COLUMNS: Final = {
    "author": (*_ENTITY, "username", "display_name", "bio"),
    "tags": (*_ENTITY, "name", "slug", "description", "usage_count"),
    "categories": (*_ENTITY, "name", "slug", "description", "post_count", "visible_parent", "is_active"),
}


def included_columns(include: Iterable[str]) -> list[str]:
    return [column for name in include for column in ID_COLUMNS.get(name, (name,))]


def write_included(rows: Iterable[Row], include: Iterable[str], viewer: Viewer) -> dict[str, list[dict[str, Any]]]:
    """Return the objects that `rows` name, by kind and in the order of their ids, for the requested kinds only."""
    wanted = {name: _ids_of(rows, ID_COLUMNS[name]) for name in _NAMES if name in include}
    given: dict[str, Any] = {name: sorted(ids) for name, ids in wanted.items() if ids}
    found: dict[str, list[dict[str, Any]]] = {_NAMES[name]: [] for name in wanted}
    if given:
        for values in sorted(_named.tuples((Reader.of(viewer.actor), tuple(given)), **given), key=itemgetter(1)):
            name = values[0]
            row = dict(zip(_COLUMNS[name], values, strict=False))
            found[_NAMES[name]].append(write(row, _SHAPES[name], _SHAPES[name], viewer))
    return found


@compiled(author=ListOf(UUIDField()), tags=ListOf(UUIDField()), categories=ListOf(UUIDField()))
def _named(shape: tuple[Reader, tuple[str, ...]], given: Given) -> QuerySet[Any, Any]:
    """Return the objects of these kinds that have one of the ids."""
    reader, names = shape
    branches = [_branch(name, getattr(given, name), reader.with_id(None)) for name in names]
    return branches[0].union(*branches[1:], all=True) if len(branches) > 1 else branches[0]


def _branch(name: str, ids: Any, reader: Actor) -> QuerySet[Any, tuple[Any, ...]]:
    """Return the rows of one kind; common columns that the kind lacks are filled up at their end."""
    rest: tuple[Any, ...] = (Value(0), Cast(Value(None), UUIDField()), Value(True))
    rows: QuerySet[Any]
    match name:
        case "author":
            rows = User.objects.filter(pk__any_of=ids)
        case "tags":
            rows, rest = Tag.objects.filter(pk__any_of=ids), rest[1:]
        case _:
            rows, rest = Category.objects.visible_to(reader).filter(pk__any_of=ids), ()
            rows = rows.annotate(**category_columns(reader))
    return rows.order_by().values_list(Value(name), *_COLUMNS[name][1:], *rest)


def _ids_of(rows: Iterable[Row], columns: Iterable[str]) -> set[str]:
    ids: set[str] = set()
    for row in rows:
        for column in columns:
            value = row[column]
            ids.update([str(value)] if column == "author_id" else split_ids(value))
    return ids
