"""The body that describes a post: its members as the service takes them, tags and categories named in any way."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import Q

from api_v2.serializers.bodies import Body
from cms.ids import parse_uuid
from cms.models import Category, Tag, User
from cms.policy import Actor
from cms.services.posts import PostFields

TEXTS: Final = ("title", "content", "slug", "content_format", "excerpt", "language", "visibility", "kind")
REQUIRED: Final = ("title", "content")
META: Final = ("title", "description")
RELATIONS: Final = ("tags", "categories", "co_authors")
MEMBERS: Final = (*TEXTS, "meta", "expires_at", *RELATIONS)


def read_new_post(value: Any, actor: Actor) -> PostFields:
    """The fields of a new post. Only types and names are checked here; what a post may say is the service's business."""
    body = Body(value, MEMBERS)
    fields: dict[str, Any] = {name: body.text(name) for name in TEXTS if name in body}
    for name in REQUIRED:
        if name not in body:
            body.text(name, is_required=True)
    if "meta" in body:
        meta = body.inner("meta", META)
        fields |= {f"meta_{name}": meta.text(name) for name in META if name in meta}
        body.take(meta)
    if "expires_at" in body:
        fields["expires_at"] = body.instant_or_null("expires_at")
    for name, read in (("tags", _tag_names), ("categories", _categories), ("co_authors", _co_authors)):
        if name in body:
            fields[name] = read(body, actor)
    body.finish()
    return fields  # type: ignore[return-value]


def _tag_names(body: Body, _: Actor) -> list[str]:
    """Ids and slugs become the names of their tags, every other text is a name itself."""
    given = body.texts("tags")
    ids = _ids_in(given.values())
    tags = list(Tag.objects.filter(Q(pk__in=ids) | Q(slug__in=list(given.values()))))
    known = {tag.slug: tag.name for tag in tags} | {str(tag.pk): tag.name for tag in tags}
    names = []
    for place, text in given.items():
        key = _key(text)
        if key in known:
            names.append(known[key])
        elif parse_uuid(text):
            body.refuse_item("tags", place, "unknown", f"There is no tag {text!r}.")
        else:
            names.append(text)
    return names


def _categories(body: Body, actor: Actor) -> list[Category]:
    given = body.texts("categories")
    texts = list(given.values())
    rows = Category.objects.visible_to(actor).filter(Q(pk__in=_ids_in(texts)) | Q(slug__in=texts))
    known = {row.slug: row for row in rows} | {str(row.pk): row for row in rows}
    return _found(body, "categories", given, known, "category")


def _co_authors(body: Body, _: Actor) -> list[User]:
    given = body.texts("co_authors")
    known = {str(row.pk): row for row in User.objects.filter(pk__in=_ids_in(given.values()), is_active=True)}
    return _found(body, "co_authors", given, known, "active user")


def _found[T](body: Body, name: str, given: Mapping[int, str], known: Mapping[str, T], noun: str) -> list[T]:
    """What each text stands for, once; those that stand for nothing are faults."""
    found: dict[str, T] = {}
    for place, text in given.items():
        row = known.get(_key(text))
        if row is None:
            body.refuse_item(name, place, "unknown", f"There is no {noun} {text!r}.")
        else:
            found[str(row.pk)] = row  # type: ignore[attr-defined]
    return list(found.values())


def _key(text: str) -> str:
    """An id in its canonical form, any other text as it is."""
    as_uuid = parse_uuid(text)
    return str(as_uuid) if as_uuid else text


def _ids_in(texts: Iterable[str]) -> list[str]:
    return [_key(text) for text in texts if parse_uuid(text)]
