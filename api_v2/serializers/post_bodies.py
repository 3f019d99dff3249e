"""Bodies that describe a post: members in the form of the service, tags and categories named in any way."""

import datetime
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from django.db.models import Q, QuerySet, TextField, UUIDField

from api_v2.serializers.bodies import Body
from api_v2.serializers.shapes import Viewer
from cms import policy
from cms.db.compiled import Given, ListOf, Row, compiled
from cms.errors import shown
from cms.ids import parse_uuid, with_id
from cms.models import Category, MediaFile, Post, Tag, User
from cms.services.posts import PostFields

TEXTS: Final = ("title", "content", "slug", "content_format", "visibility", "kind")
REQUIRED: Final = ("title", "content")
META: Final = ("title", "description")
MEMBERS: Final = (
    *(*TEXTS, "excerpt", "language", "meta", "expires_at", "featured_image"),
    *("tags", "categories", "co_authors"),
)
_TAG_COLUMNS: Final = ("pk", "slug", "name", "usage_count")
DEFAULT_LANGUAGE: Final[str] = Post._meta.get_field("language").get_default()


def read_new_post(value: Any, viewer: Viewer) -> PostFields:
    """Return the fields of a new post. Only types and names are checked here; the service checks the values."""
    return _read_post(value, viewer, REQUIRED)


def read_post_changes(value: Any, viewer: Viewer) -> PostFields:
    """Return the changes of a merge patch. Null derives the excerpt, resets the language, and empties lists."""
    return _read_post(value, viewer, ())


def _read_post(value: Any, viewer: Viewer, required: Iterable[str]) -> PostFields:
    body = Body(value, MEMBERS)
    for name in required:
        if name not in body:
            body.text(name, is_required=True)
    fields: dict[str, Any] = {name: body.text(name) for name in TEXTS if name in body}
    for name, read in _READERS.items():
        if name in body:
            fields[name] = read(body, viewer)
    if "meta" in body:
        fields |= _meta(body)
    body.finish()
    return fields  # type: ignore[return-value]


def _meta(body: Body) -> dict[str, str | None]:
    if body.is_null("meta"):
        return dict.fromkeys((f"meta_{name}" for name in META), "")
    meta = body.inner("meta", META)
    texts = {f"meta_{name}": meta.text_or_empty(name) for name in META if name in meta}
    body.take(meta)
    return texts


def _language(body: Body, _: Viewer) -> str | None:
    return DEFAULT_LANGUAGE if body.is_null("language") else body.text("language")


def _featured_image(body: Body, viewer: Viewer) -> MediaFile | None:
    text = None if body.is_null("featured_image") else body.text("featured_image")
    if text is None:
        return None
    seen = MediaFile.objects.visible_to(viewer.actor, viewer.now)
    image = with_id(seen, parse_uuid(text)).order_by().first()
    if image is None:
        body.refuse("featured_image", "unknown", f"There is no image {shown(text)}.")
    return image


def _tag_names(body: Body, viewer: Viewer) -> list[str]:
    """Turn ids and slugs into the names of their tags; every other text is a name itself.

    So is the slug of a tag that the writer meets nowhere: it would tell the name. A name tells what it says.
    """
    given = _texts(body, "tags")
    tags = _tags_named.rows(None, slugs=list(given.values()), ids=_ids_in(given.values()))
    tags = _met(tags, set(given.values()), viewer)
    known = {tag["slug"]: tag["name"] for tag in tags} | {str(tag["pk"]): tag["name"] for tag in tags}
    names = []
    for place, text in given.items():
        key = _key(text)
        if key in known:
            names.append(known[key])
        elif parse_uuid(text):
            body.refuse_item("tags", place, "unknown", f"There is no tag {shown(text)}.")
        else:
            names.append(text)
    return names


@compiled(slugs=ListOf(TextField()), ids=ListOf(UUIDField()))
def _tags_named(_: None, given: Given) -> QuerySet[Any, Row]:
    named = Tag.objects.filter(Q(slug__any_of=given.slugs) | Q(pk__any_of=given.ids))
    rows: QuerySet[Any, Row] = named.values(*_TAG_COLUMNS)
    return rows


def _met(tags: Iterable[Row], names: Collection[str], viewer: Viewer) -> list[Row]:
    """Return the tags that the writer may know of. Only tags in no count, of other names, are looked for in posts."""
    unsure = [tag["pk"] for tag in tags if not tag["usage_count"] and tag["name"] not in names]
    if not unsure or policy.may_manage_terms(viewer.actor):
        return [*tags]
    met = Tag.objects.met_by(viewer.actor, viewer.now).filter(pk__in=unsure).values_list("pk", flat=True)
    hidden = set(unsure) - set(met)
    return [tag for tag in tags if tag["pk"] not in hidden]


def _categories(body: Body, viewer: Viewer) -> list[Category]:
    given = _texts(body, "categories")
    texts = list(given.values())
    rows = Category.objects.visible_to(viewer.actor).filter(Q(pk__in=_ids_in(texts)) | Q(slug__in=texts))
    known = {row.slug: row for row in rows} | {str(row.pk): row for row in rows}
    return _found(body, "categories", given, known, "category")


def _co_authors(body: Body, _: Viewer) -> list[User]:
    given = _texts(body, "co_authors")
    known = {str(row.pk): row for row in User.objects.filter(pk__in=_ids_in(given.values()), is_active=True)}
    return _found(body, "co_authors", given, known, "active user")


def _texts(body: Body, name: str) -> dict[int, str]:
    return {} if body.is_null(name) else body.texts(name)


def _found[T](body: Body, name: str, given: Mapping[int, str], known: Mapping[str, T], noun: str) -> list[T]:
    """Return the object for each text, once; a text without an object is a fault."""
    found: dict[str, T] = {}
    for place, text in given.items():
        row = known.get(_key(text))
        if row is None:
            body.refuse_item(name, place, "unknown", f"There is no {noun} {shown(text)}.")
        else:
            found[str(row.pk)] = row  # type: ignore[attr-defined]
    return list(found.values())


def _key(text: str) -> str:
    """Return an id in its canonical form, any other text as it is."""
    as_uuid = parse_uuid(text)
    return str(as_uuid) if as_uuid else text


def _ids_in(texts: Iterable[str]) -> list[str]:
    return [_key(text) for text in texts if parse_uuid(text)]


_READERS: Final[Mapping[str, Callable[[Body, Viewer], Any]]] = {
    "excerpt": lambda body, _: body.text_or_empty("excerpt"),
    "language": _language,
    "expires_at": lambda body, _: body.instant_or_null("expires_at"),
    "featured_image": _featured_image,
    "tags": _tag_names,
    "categories": _categories,
    "co_authors": _co_authors,
}
INSTANTS: Final = ("published_at", "expires_at")


def read_publication(value: Any) -> dict[str, datetime.datetime | None]:
    """Return when a post is published and expires, as far as given; null stands for now, and for never."""
    body = Body(value, INSTANTS)
    instants = {name: body.instant_or_null(name) for name in INSTANTS}
    body.finish()
    return {name: instant for name, instant in instants.items() if name in value}
