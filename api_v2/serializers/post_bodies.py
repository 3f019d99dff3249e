"""Bodies that describe a post: members in the form of the service, tags and categories named in any way."""

import datetime
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from django.db.models import Q, QuerySet, TextField, UUIDField

from api_v2.json_schema import ID_OR_SLUG, INSTANT, TEXT, UUID, array_of, described, obj_or_null, or_null, ref, text_of
from api_v2.serializers.bodies import ITEMS_MAX, Body, Member, Members, read_body
from api_v2.serializers.shapes import Viewer
from cms import limits, policy
from cms.db.compiled import Given, ListOf, Row, compiled
from cms.errors import shown
from cms.ids import parse_uuid, with_id
from cms.models import Category, MediaFile, Post, Tag, User
from cms.services.posts import PostFields

_TAG_COLUMNS: Final = ("pk", "slug", "name", "usage_count")
DEFAULT_LANGUAGE: Final[str] = Post._meta.get_field("language").get_default()


def _meta(body: Body, name: str) -> dict[str, str | None]:
    meta = dict.fromkeys(META, "") if body.is_null(name) else body.inner(name, META)
    return {f"meta_{member}": text for member, text in meta.items()}


def _language(body: Body, name: str) -> str | None:
    return DEFAULT_LANGUAGE if body.is_null(name) else body.text(name)


def _featured_image(body: Body, name: str) -> MediaFile | None:
    seen = MediaFile.objects.visible_to(body.viewer.actor, body.viewer.now)
    return body.found(name, "image", lambda text: with_id(seen, parse_uuid(text)))


def _tag_names(body: Body, name: str) -> list[str]:
    """Turn ids and slugs into the names of their tags; every other text is a name itself.

    So is the slug of a tag that the writer meets nowhere: it would tell the name. A name tells what it says.
    """
    given = _texts(body, name)
    tags = _tags_named.rows(None, slugs=list(given.values()), ids=_ids_in(given.values()))
    tags = _met(tags, set(given.values()), body.viewer)
    known = {tag["slug"]: tag["name"] for tag in tags} | {str(tag["pk"]): tag["name"] for tag in tags}
    names = []
    for place, text in given.items():
        key = _key(text)
        if key in known:
            names.append(known[key])
        elif parse_uuid(text):
            body.refuse("unknown", f"There is no tag {shown(text)}.", name, str(place))
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
    met = Tag.objects.few_met_by(viewer.actor, viewer.now, unsure).values_list("pk", flat=True)
    hidden = set(unsure) - set(met)
    return [tag for tag in tags if tag["pk"] not in hidden]


def _categories(body: Body, name: str) -> list[Category]:
    given = _texts(body, name)
    texts = list(given.values())
    rows = Category.objects.visible_to(body.viewer.actor).filter(Q(pk__in=_ids_in(texts)) | Q(slug__in=texts))
    known = {row.slug: row for row in rows} | {str(row.pk): row for row in rows}
    return _found(body, name, given, known, "category")


def _co_authors(body: Body, name: str) -> list[User]:
    given = _texts(body, name)
    known = {str(row.pk): row for row in User.objects.filter(pk__in=_ids_in(given.values()), is_active=True)}
    return _found(body, name, given, known, "active user")


def _texts(body: Body, name: str) -> dict[int, str]:
    return {} if body.is_null(name) else body.texts_by_place(name)


def _found[T](body: Body, name: str, given: Mapping[int, str], known: Mapping[str, T], noun: str) -> list[T]:
    """Return the object for each text, once; a text without an object is a fault."""
    found: dict[str, T] = {}
    for place, text in given.items():
        row = known.get(_key(text))
        if row is None:
            body.refuse("unknown", f"There is no {noun} {shown(text)}.", name, str(place))
        else:
            found[str(row.pk)] = row  # type: ignore[attr-defined]
    return list(found.values())


def _key(text: str) -> str:
    """Return an id in its canonical form, any other text as it is."""
    as_uuid = parse_uuid(text)
    return str(as_uuid) if as_uuid else text


def _ids_in(texts: Iterable[str]) -> list[str]:
    return [_key(text) for text in texts if parse_uuid(text)]


_LANGUAGE: Final = text_of(
    2, limits.LANGUAGE_MAX, pattern="^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$", description="BCP 47"
)
_TAGS: Final = array_of(
    described(TEXT, "An id, a slug or a name; a name that isn't taken makes a tag."), maxItems=limits.TAGS_PER_POST_MAX
)
MEMBERS: Final[Members] = {
    "title": Member(text_of(*limits.TITLE)),
    "content": Member(text_of(*limits.CONTENT)),
    "slug": Member(text_of(*limits.SLUG)),
    "content_format": Member(ref("ContentFormat")),
    "visibility": Member(ref("PostVisibility")),
    "kind": Member(ref("PostKind")),
    "excerpt": Member(or_null(text_of(0, limits.EXCERPT_MAX)), Body.text_or_empty),
    "language": Member(or_null(_LANGUAGE), _language),
    "meta": Member(obj_or_null("NewPostMeta"), _meta),
    "expires_at": Member(or_null(INSTANT), Body.instant_or_null),
    "featured_image": Member(or_null(described(UUID, "The id of an image.")), _featured_image),
    "tags": Member(or_null(_TAGS), _tag_names),
    "categories": Member(or_null(array_of(ID_OR_SLUG, maxItems=limits.CATEGORIES_PER_POST_MAX)), _categories),
    "co_authors": Member(or_null(array_of(UUID, maxItems=ITEMS_MAX)), _co_authors),
}
REQUIRED: Final = ("title", "content")
META: Final[Members] = {
    "title": Member(or_null(text_of(0, limits.META_TITLE_MAX)), Body.text_or_empty),
    "description": Member(or_null(text_of(0, limits.META_DESCRIPTION_MAX)), Body.text_or_empty),
}
_PUBLISHED_AT: Final = described(INSTANT, "Null is now; an instant to come schedules the post.")
PUBLICATION: Final[Members] = {
    "published_at": Member(or_null(_PUBLISHED_AT), Body.instant_or_null),
    "expires_at": Member(or_null(INSTANT), Body.instant_or_null),
}


def read_new_post(value: Any, viewer: Viewer) -> PostFields:
    """Return the fields of a new post. Only types and names are checked here; the service checks the values."""
    return _read_post(value, viewer, REQUIRED)


def read_post_changes(value: Any, viewer: Viewer) -> PostFields:
    """Return the changes of a merge patch. Null derives the excerpt, resets the language, and empties lists."""
    return _read_post(value, viewer, ())


def _read_post(value: Any, viewer: Viewer, required: Collection[str]) -> PostFields:
    fields = read_body(value, MEMBERS, required, viewer=viewer)
    fields |= fields.pop("meta", {})
    return fields  # type: ignore[return-value]


def read_publication(value: Any) -> dict[str, datetime.datetime | None]:
    """Return when a post is published and expires, as far as given; null stands for now, and for never."""
    return read_body(value, PUBLICATION)
