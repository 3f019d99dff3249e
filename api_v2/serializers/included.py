"""`include=…`: the objects that posts name by id, each once, all by one query."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from django.db.models import DateTimeField, FloatField, IntegerField, QuerySet, UUIDField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast

from api_v2.pagination import Row
from api_v2.serializers.media import MEDIA
from api_v2.serializers.shapes import Shape, Viewer, split_ids, write
from api_v2.serializers.terms import CATEGORY, TAG, category_columns
from api_v2.serializers.users import PUBLIC
from cms.db.compiled import Given, ListOf, compiled
from cms.models import Category, MediaFile, Tag, User
from cms.policy import Actor
from cms.querysets.readers import Reader


@dataclass(frozen=True)
class _Kind:
    """The name of its objects in the response, the columns of a post with their ids, and their own columns by type."""

    name: str
    id_columns: tuple[str, ...]
    shape: Shape
    texts: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()
    fractions: tuple[str, ...] = ()

    @property
    def by_type(self) -> tuple[tuple[str, ...], ...]:
        return self.texts, self.numbers, self.ids, self.switches, self.fractions


_TERM: Final = ("name", "slug", "description")
_KINDS: Final = {
    "author": _Kind("authors", ("author_id", "co_author_ids"), PUBLIC, ("username", "display_name", "bio")),
    "tags": _Kind("tags", ("tag_ids",), TAG, _TERM, ("usage_count",)),
    "categories": _Kind(
        "categories", ("category_ids",), CATEGORY, _TERM, ("post_count",), ("visible_parent",), ("is_active",)
    ),
    "featured_image": _Kind(
        "featured_images",
        ("featured_image_id",),
        MEDIA,
        ("original_name", "mime_type", "sha256", "alt_text", "caption"),
        ("size_bytes", "width", "height"),
        ("uploaded_by_id",),
        fractions=("focal_x", "focal_y"),
    ),
}
INCLUDES: Final = (*_KINDS, "comment_count")
_ENTITY: Final = ("id", "created_at", "updated_at")
_FILLERS: Final = (
    *(Value(""), Cast(Value(None), IntegerField()), Cast(Value(None), UUIDField()), Value(True)),
    Cast(Value(None), FloatField()),
)
"""The value, by type, of a column that only other kinds have."""

type _Columns = list[str | Combinable]


def included_columns(include: Iterable[str]) -> list[str]:
    return [column for name in include for column in (_KINDS[name].id_columns if name in _KINDS else (name,))]


def write_included(rows: Iterable[Row], include: Iterable[str], viewer: Viewer) -> dict[str, list[dict[str, Any]]]:
    """Return the objects that `rows` name, by kind and in the order of their ids, for the requested kinds only."""
    wanted = {name: _ids_of(rows, kind.id_columns) for name, kind in _KINDS.items() if name in include}
    given: dict[str, Any] = {name: sorted(ids) for name, ids in wanted.items() if ids}
    found: dict[str, list[dict[str, Any]]] = {_KINDS[name].name: [] for name in wanted}
    if given:
        shape, columns = (Reader.of(viewer.actor), tuple(given)), _columns_of(tuple(given))
        read = _named.tuples(shape, now=viewer.now, viewer=viewer.actor.pk, **given)
        for name, *values in sorted(read, key=itemgetter(1)):
            row = {column: value for column, value in zip(columns[name], values, strict=True) if type(column) is str}
            kind = _KINDS[name]
            found[kind.name].append(write(row, kind.shape, kind.shape, viewer))
    return found


@compiled(now=DateTimeField(), viewer=UUIDField(), **{name: ListOf(UUIDField()) for name in _KINDS})
def _named(shape: tuple[Reader, tuple[str, ...]], given: Given) -> QuerySet[Any, Any]:
    """Return the objects of these kinds that have one of the ids."""
    reader, names = shape
    branches = [
        _rows_of(name, reader.with_id(given.viewer), given)
        .filter(pk__any_of=getattr(given, name))
        .order_by()
        .values_list(Value(name), *columns)
        for name, columns in _columns_of(names).items()
    ]
    return branches[0].union(*branches[1:], all=True) if len(branches) > 1 else branches[0]


def _rows_of(name: str, reader: Actor, given: Given) -> QuerySet[Any]:
    match name:
        case "author":
            return User.objects.all()
        case "tags":
            return Tag.objects.all()
        case "featured_image":
            return MediaFile.objects.visible_to(reader, given.now)
        case _:
            return Category.objects.visible_to(reader).annotate(**category_columns(reader))


def _columns_of(names: Sequence[str]) -> dict[str, _Columns]:
    """Return the columns of each branch of the UNION, which has values of one type at the same place in all of them."""
    columns: dict[str, _Columns] = {name: [*_ENTITY] for name in names}
    for place, filler in enumerate(_FILLERS):
        widest = max((len(_KINDS[name].by_type[place]) for name in names), default=0)
        for name in names:
            own = _KINDS[name].by_type[place]
            columns[name] += [*own, *[filler] * (widest - len(own))]
    return columns


def _ids_of(rows: Iterable[Row], columns: Iterable[str]) -> set[str]:
    ids: set[str] = set()
    for row in rows:
        for column in columns:
            value = row[column]
            ids.update(split_ids(value) if column.endswith("_ids") else [str(value)] if value else [])
    return ids
