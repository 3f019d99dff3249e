"""Tags: creating, changing, deleting, and finding the ones that a post names."""

import datetime
import unicodedata
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypedDict

from django.db import IntegrityError, transaction
from django.db.models import QuerySet, TextField
from django.utils.translation import gettext_noop

from cms import limits, policy
from cms.db.compiled import Given, ListOf, Row, columns_of, compiled, objects_of
from cms.errors import Duplicate, FieldError, InvalidInput, PermissionRefused, sentence
from cms.models import Tag
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.checks import check_text
from cms.services.kept_bytes import take_new_tags
from cms.services.locks import lock_row
from cms.services.slugs import insert_with_slug, save_with_slug
from cms.text.slugs import slug_problem, slugify

TAKEN_SLUG = gettext_noop("A tag with this slug exists.")
TAKEN_NAME = gettext_noop("A tag with this name exists.")
TRIES = 3
"""Tries at creating a tag that others create and delete at the same time."""
JOINERS = "\u200c\u200d"  # format characters that words of Persian and Indic scripts and many emoji need


class TagFields(TypedDict, total=False):
    name: str
    slug: str
    description: str
    id: uuid.UUID
    """Only for importers."""


def fold_tag_name(name: str) -> str:
    """Return the key under which two names are the same tag: Unicode's case folding over its compatibility form.

    Invisible differences don't count: joiners, and blanks around the name.
    """
    visible = unicodedata.normalize("NFKC", name).translate(dict.fromkeys(map(ord, JOINERS)))
    folded = unicodedata.normalize("NFKC", visible.casefold())
    return (folded.strip() or folded)[: limits.TAG_NAME_KEY_MAX]


def create_tag(*, actor: Actor, fields: TagFields, now: datetime.datetime) -> Tag:
    if not policy.may_manage_terms(actor):
        raise PermissionRefused("Only editors manage tags.")
    return _insert_tag(actor, fields, now)


def update_tag(*, actor: Actor, tag: Tag, changes: TagFields, now: datetime.datetime) -> Tag:
    if not policy.may_manage_terms(actor):
        raise PermissionRefused("Only editors manage tags.")
    if errors := _field_errors(changes):
        raise InvalidInput(errors)
    with transaction.atomic():
        tag = lock_row(tag)
        before = {
            name: getattr(tag, name)
            for name in changes
            if getattr(tag, name) != changes[name]  # type: ignore[literal-required]
        }
        if not before:
            return tag
        for name in before:
            setattr(tag, name, changes[name])  # type: ignore[literal-required]
        tag.name_key, tag.updated_at = fold_tag_name(tag.name), now
        _refuse_taken_name(tag)
        with _taken_name_refused(tag):
            save_with_slug(tag, taken_message=TAKEN_SLUG)
        record_event(actor, "tag.updated", tag, before=before, after={name: getattr(tag, name) for name in before})
    return tag


def delete_tag(*, actor: Actor, tag: Tag) -> None:
    """Delete a tag. Its posts lose it; nothing else about them changes."""
    if not policy.may_manage_terms(actor):
        raise PermissionRefused("Only editors manage tags.")
    with transaction.atomic():
        tag = lock_row(tag, is_doomed=True)
        record_event(actor, "tag.deleted", tag, before={"name": tag.name, "slug": tag.slug}, after={})
        tag.delete()


def tags_named(*, actor: Actor, names: Iterable[str], now: datetime.datetime) -> list[Tag]:
    """Return the tags with these names; create the missing ones, because an author may name new ones.

    Raises RateLimited when an author has named too many new ones.
    """
    wanted: dict[str, str] = {}
    for name in names:
        wanted.setdefault(fold_tag_name(name), name)
    if not wanted:
        return []
    found = {tag.name_key: tag for tag in objects_of(Tag, _tags_with_keys.rows(None, keys=list(wanted)))}
    take_new_tags(actor, len(wanted.keys() - found.keys()), now)
    # In one order: if two posts create the same tags at once, one waits for the other, and never both.
    made = {key: _find_or_insert(actor, wanted[key], now) for key in sorted(wanted.keys() - found.keys())}
    return [found.get(key) or made[key] for key in wanted]


@compiled(keys=ListOf(TextField()))
def _tags_with_keys(_: None, given: Given) -> QuerySet[Any, Row]:
    known: QuerySet[Any, Row] = Tag.objects.filter(name_key__any_of=given.keys).values(*columns_of(Tag))
    return known


def tag_name_errors(field: str, name: str) -> list[FieldError]:
    errors = check_text(field, name, *limits.TAG_NAME)
    if not errors and ("," in name or not name.translate(dict.fromkeys(map(ord, JOINERS))).isprintable()):
        errors = [FieldError(field, "invalid_tag_name", "A tag's name has printable characters and no comma.")]
    return errors


def _find_or_insert(actor: Actor, name: str, now: datetime.datetime) -> Tag:
    for _ in range(TRIES):
        try:
            return _insert_tag(actor, {"name": name}, now)
        except Duplicate:  # somebody else has made it meanwhile, and somebody may have deleted it since
            made = Tag.objects.filter(name_key=fold_tag_name(name)).first()
            if made is not None:
                return made
    raise InvalidInput(
        [FieldError("tags", "missing", sentence("The tag %(name)s was deleted meanwhile.", name=repr(name)))]
    )


def _insert_tag(actor: Actor, fields: TagFields, now: datetime.datetime) -> Tag:
    errors = _field_errors({"name": "", **fields})
    if errors:
        raise InvalidInput(errors)
    tag = Tag(**fields, name_key=fold_tag_name(fields["name"]), created_at=now, updated_at=now)
    tag.slug = fields.get("slug") or slugify(tag.name, fallback="tag")
    with transaction.atomic():
        _refuse_taken_name(tag)
        with _taken_name_refused(tag), transaction.atomic():
            insert_with_slug(tag, is_chosen="slug" in fields, taken_message=TAKEN_SLUG)
        record_event(actor, "tag.created", tag, before={}, after={"name": tag.name, "slug": tag.slug})
    return tag


@contextmanager
def _taken_name_refused(tag: Tag) -> Iterator[None]:
    """Turn the constraint's refusal into the same error, for a race that the look beforehand could not see.

    By its text, which names the column: the other tag may be gone again.
    """
    try:
        yield
    except IntegrityError as error:
        if "name_key" in str(error):
            raise Duplicate("name", TAKEN_NAME) from error
        raise


def _refuse_taken_name(tag: Tag) -> None:
    if Tag.objects.filter(name_key=tag.name_key).exclude(pk=tag.pk).exists():
        raise Duplicate("name", TAKEN_NAME)


def _field_errors(fields: TagFields) -> list[FieldError]:
    errors: list[FieldError] = []
    if "name" in fields:
        errors += tag_name_errors("name", fields["name"])
    if problem := slug_problem(fields["slug"]) if "slug" in fields else None:
        errors.append(FieldError("slug", "invalid_slug", problem))
    errors += check_text("description", fields.get("description", ""), 0, limits.DESCRIPTION_MAX)
    return errors
