"""Posts: creating them and changing their content. `post_states.py` takes them from state to state."""

import datetime
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypedDict

from django.db import transaction
from django.db.models import QuerySet, TextField, UUIDField
from django.utils.translation import gettext_noop

from cms import limits, policy
from cms.choices import ContentFormat, Kind, Visibility
from cms.db.compiled import Given, Row, columns_of, compiled, objects_of
from cms.errors import FieldError, InvalidInput, PermissionRefused, VersionConflict, sentence
from cms.ids import parse_uuid
from cms.models import Category, MediaFile, Post, Redirect, User
from cms.policy import Actor
from cms.querysets.readers import Reader
from cms.search.documents import SOURCE_FIELDS, index_post
from cms.services.audit import record_event
from cms.services.checks import check_choice, check_instant, check_language, check_text
from cms.services.counts import TermIds, lock_terms, not_before, settle_counts, term_ids_of
from cms.services.kept_bytes import refuse_if_spent, spent_for_s
from cms.services.locks import lock_row
from cms.services.post_media import hold_featured_image, link_embedded_media
from cms.services.prepared import beginning_again, prepared, prepared_keys, prepared_text
from cms.services.revisions import SNAPSHOT_FIELDS, write_revision
from cms.services.settling import plan_expiry
from cms.services.slugs import insert_with_slug, save_with_slug
from cms.services.tags import tag_name_errors, tags_named
from cms.text.rendering import derive_excerpt, reading_time_min
from cms.text.slugs import slug_problem, slugify

TAKEN_SLUG = gettext_noop("A post with this slug exists.")


class PostFields(TypedDict, total=False):
    """The fields that a caller may set. An absent key leaves the field as it is."""

    kind: str
    title: str
    slug: str
    content: str
    content_format: str
    excerpt: str
    """An empty one is derived from the content."""
    language: str
    visibility: str
    meta_title: str
    meta_description: str
    expires_at: datetime.datetime | None
    featured_image: MediaFile | None
    created_at: datetime.datetime
    """Only for importers."""
    id: uuid.UUID
    """Likewise."""
    tags: list[str]
    """Names; missing tags are made."""
    categories: list[Category]
    co_authors: list[User]


RELATIONS = ("tags", "categories", "co_authors")
TEXTS = {
    "title": limits.TITLE,
    "content": limits.CONTENT,
    "excerpt": (0, limits.EXCERPT_MAX),
    "meta_title": (0, limits.META_TITLE_MAX),
    "meta_description": (0, limits.META_DESCRIPTION_MAX),
}
DERIVED_FROM = {"content", "content_format", "excerpt"}
LONG_TEXTS = ("content", "content_html")
WITHOUT_LONG_TEXTS = [
    field.name for field in Post._meta.concrete_fields if not field.primary_key and field.name not in LONG_TEXTS
]
"""The columns to write when no text has changed: PostgreSQL writes a long text again even if it is the same."""
CHOICES = {"kind": Kind.values, "visibility": Visibility.values, "content_format": ContentFormat.values}


@beginning_again
def create_post(*, actor: Actor, fields: PostFields, now: datetime.datetime, author: User | None = None) -> Post:
    """Create a draft by `actor`, who is its author unless the system writes for `author`."""
    if not policy.may_write_posts(actor):
        raise PermissionRefused("Only authors, editors and admins write posts.")
    _refuse_backdating(actor, fields)
    author = author if actor is policy.SYSTEM else actor  # type: ignore[assignment]
    errors = _field_errors({"title": "", "content": "", **fields})
    if errors or author is None:
        raise InvalidInput(errors or [FieldError("author", "required", "A post has an author.")])
    columns = {name: value for name, value in fields.items() if name not in RELATIONS}
    post = Post(**{"created_at": now, "updated_at": fields.get("created_at", now), **columns, "author": author})
    post.slug = fields.get("slug") or slugify(post.title, fallback=post.kind)
    post.is_excerpt_derived = not post.excerpt
    with prepared(columns), transaction.atomic():
        _derive(post)
        hold_featured_image(actor, post.featured_image, now)
        insert_with_slug(post, is_chosen="slug" in fields, taken_message=TAKEN_SLUG)
        index_post(post, prepared_keys(post))
        _set_relations(actor, post, fields, (frozenset(), frozenset()), now)
        link_embedded_media(actor, post, now)
        write_revision(actor, post, "created", now, is_first=True)
        record_event(actor, "post.created", post, before={}, after={"title": post.title, "slug": post.slug})
    return post


@beginning_again
def update_post(
    *, actor: Actor, post: Post, changes: PostFields, now: datetime.datetime, expected_version: int | None = None
) -> Post:
    """Change what `changes` names and nothing else. The version grows when anything did change.

    Raises VersionConflict when the post is no longer at `expected_version`, TooMuchKept for another revision when the
    actor has kept too much today.
    """
    _refuse_strangers(actor, post)
    _refuse_impossible(actor, post, changes, now)
    with prepared(changes, post), transaction.atomic():
        return _change(actor, lock_post(actor, post, expected_version), changes, now)


def update_locked_post(*, actor: Actor, post: Post, changes: PostFields, now: datetime.datetime) -> Post:
    """Update a post that `lock_post` has returned in this transaction, as `update_post` does."""
    _refuse_impossible(actor, post, changes, now)
    return _change(actor, post, changes, now)


@contextmanager
def preparing_change(*, actor: Actor, post: Post, changes: Mapping[str, Any], now: datetime.datetime) -> Iterator[None]:
    """Prepare the text of a change that `update_post` or `update_locked_post` makes inside this block.

    `changes` may be a client's own. Raises TooMuchKept before that work.
    """
    _refuse_another_revision(actor, post, changes, now)
    with prepared(changes, post):
        yield


def _refuse_impossible(actor: Actor, post: Post, changes: PostFields, now: datetime.datetime) -> None:
    _refuse_backdating(actor, changes)
    if errors := _field_errors(changes):
        raise InvalidInput(errors)
    _refuse_another_revision(actor, post, changes, now)


def _refuse_another_revision(actor: Actor, post: Post, changes: Mapping[str, Any], now: datetime.datetime) -> None:
    if not spent_for_s(actor, now):
        return
    kept: dict[Any, Any] = {Post._meta.get_field(name): changes[name] for name in SNAPSHOT_FIELDS if name in changes}
    if any(field.value_from_object(post) != getattr(value, "pk", value) for field, value in kept.items()):
        refuse_if_spent(actor, now)


def _change(actor: Actor, post: Post, changes: PostFields, now: datetime.datetime) -> Post:
    terms_before, texts_before = term_ids_of(post), (post.content, post.content_html)
    named_before = *texts_before, *(getattr(post, name) for name in ("slug", *TEXTS) if name != "content")
    before = _apply(post, changes)
    _refuse_early_expiry(post)
    if "featured_image" in before:
        hold_featured_image(actor, post.featured_image, now)
    # The slug before the terms, as when a post is created: each may have to wait for another writer.
    if "slug" in before:
        _keep_old_slug(actor, post, before["slug"], now)
    is_related_changed = _set_relations(actor, post, changes, terms_before, now)
    if not before and not is_related_changed:
        return post
    if "expires_at" in before:
        plan_expiry(post)
    if before.keys() & {"content", "content_format"}:
        link_embedded_media(actor, post, now, before=named_before)
    save_change(post, now, is_text_changed=texts_before != (post.content, post.content_html))
    if before.keys() & SOURCE_FIELDS:
        index_post(post, prepared_keys(post))
    settle_counts(post, terms_before, term_ids_of(post) if is_related_changed else terms_before, now)
    if before.keys() & set(SNAPSHOT_FIELDS):
        write_revision(actor, post, "updated", now)
    record_event(
        actor, "post.updated", post, before=_plain(before), after=_plain({n: getattr(post, n) for n in before})
    )
    return post


def find_editable_post(actor: Actor, slug_or_id: str) -> Post | None:
    """Return the post if `actor` may change it: as `editable_by`, by SQL that is kept. Such a post is visible as well.

    None leaves open whether there is such a post; `visible_to` decides what `actor` may know of that.
    """
    if not policy.may_write_posts(actor):
        return None
    post_id = parse_uuid(slug_or_id)
    shape = Reader.of(actor), post_id is not None
    rows = _post_to_edit.rows(shape, id=post_id, slug=slug_or_id, viewer=actor.pk)
    return next(iter(objects_of(Post, rows)), None)


@compiled(id=UUIDField(), slug=TextField(), viewer=UUIDField())
def _post_to_edit(shape: tuple[Reader, bool], given: Given) -> QuerySet[Any, Row]:
    reader, is_by_id = shape
    editable = Post.objects.editable_by(reader.with_id(given.viewer))
    named = editable.filter(pk=given.id) if is_by_id else editable.filter(slug=given.slug)
    rows: QuerySet[Any, Row] = named.values(*columns_of(Post))
    return rows


def lock_post(actor: Actor, post: Post, expected_version: int | None = None) -> Post:
    """Return the post as it is now, its row locked.

    Raises NotFound when it is gone, PermissionRefused for strangers, VersionConflict when it is at another version than
    the one that `actor` has read.
    """
    locked = lock_row(post)
    _refuse_strangers(actor, locked)
    if expected_version is not None and locked.version != expected_version:
        raise VersionConflict("post", locked.version)
    return locked


def _refuse_strangers(actor: Actor, post: Post) -> None:
    if not policy.may_edit_post(actor, post):
        raise PermissionRefused("Only its authors and editors change this post.")


def save_change(post: Post, now: datetime.datetime, *, is_text_changed: bool) -> None:
    """Save a locked post whose text, other fields or state have changed."""
    post.version += 1
    post.updated_at = not_before(post.updated_at, now)
    post.save(force_update=True, update_fields=None if is_text_changed else WITHOUT_LONG_TEXTS)


def _apply(post: Post, changes: PostFields) -> dict[str, Any]:
    """Set the named columns and what is derived from them; what those that have changed held before, by name."""
    columns = {name: value for name, value in changes.items() if name not in RELATIONS}
    before = {name: getattr(post, name) for name in (*columns, "is_excerpt_derived")}
    is_text_changed = any(columns[name] != before[name] for name in DERIVED_FROM & columns.keys())
    for name, value in columns.items():
        setattr(post, name, value)
    if is_text_changed:
        if "excerpt" in columns:
            post.is_excerpt_derived = not post.excerpt
        _derive(post)
    return {name: value for name, value in before.items() if getattr(post, name) != value}


def _derive(post: Post) -> None:
    prepared = prepared_text(post)
    post.content_html = prepared.html
    post.reading_time_min = reading_time_min(prepared.text)
    if post.is_excerpt_derived:
        post.excerpt = derive_excerpt(prepared.text)


def _set_relations(
    actor: Actor, post: Post, fields: PostFields, terms_before: tuple[TermIds, TermIds], now: datetime.datetime
) -> bool:
    """Set the relations that `fields` names; whether any of them changed."""
    wanted: dict[str, list[Any]] = {}
    if "tags" in fields:
        wanted["tags"] = tags_named(actor=actor, names=fields["tags"], now=now)
    if "categories" in fields:
        wanted["categories"] = [*fields["categories"], *_unseen_categories(actor, terms_before[1])]
    if "co_authors" in fields:
        wanted["co_authors"] = [user for user in fields["co_authors"] if user.pk != post.author_id]
    before = {"tags": terms_before[0], "categories": terms_before[1]}
    if "co_authors" in wanted:
        before["co_authors"] = frozenset(post.co_authors.values_list("pk", flat=True))
        _refuse_readers(actor, [user for user in wanted["co_authors"] if user.pk not in before["co_authors"]])
    after = {name: frozenset(row.pk for row in rows) for name, rows in wanted.items()}
    changed = [name for name in after if after[name] != before[name]]
    _lock_terms(changed, before, after)
    for name in changed:
        if gone := before[name] - after[name]:
            getattr(post, name).remove(*gone)
        if come := after[name] - before[name]:
            relation: Any = Post._meta.get_field(name)
            link, key = relation.remote_field.through, relation.m2m_reverse_name()
            links = [link(post_id=post.pk, **{key: pk}) for pk in sorted(come)]
            link.objects.bulk_create(links, ignore_conflicts=True)
    return bool(changed)


def _refuse_readers(actor: Actor, co_authors: Iterable[User]) -> None:
    if not all(policy.may_name_co_author(actor, user) for user in co_authors):
        raise InvalidInput([FieldError("co_authors", "not_a_writer", "Only editors name users who write no posts.")])


def _unseen_categories(actor: Actor, ids: TermIds) -> Iterable[Category]:
    """Return those hidden from `actor`, who can't name them when sending the list again, nor means to drop them."""
    if not ids or policy.may_manage_terms(actor):
        return ()
    seen = Category.objects.visible_to(actor).values("pk")
    return Category.objects.filter(pk__in=ids).exclude(pk__in=seen)


def _lock_terms(changed: list[str], before: dict[str, TermIds], after: dict[str, TermIds]) -> None:
    """Lock the post's terms when any are added or removed: those that stay too.

    The caller may be about to publish the post in the same transaction. A transaction that locks terms twice may wait
    for another one that waits for its first locks. Raises InvalidInput when an added term was deleted meanwhile.
    """
    names = ("tags", "categories")
    if not set(names) & set(changed):
        return
    after = {**before, **after}
    found = lock_terms(*(before[name] | after[name] for name in names))
    for name, present in zip(names, found, strict=True):
        if (after[name] - before[name]) - present:
            raise InvalidInput(
                [FieldError(name, "missing", sentence("One of these %(name)s was deleted meanwhile.", name=name))]
            )


def _keep_old_slug(actor: Actor, post: Post, old_slug: str, now: datetime.datetime) -> None:
    """Let a slug that was given up lead to the post.

    It goes on leading to another post unless this one was public under it, and the actor may change the other one too.
    """
    save_with_slug(post, taken_message=TAKEN_SLUG, update_fields=["slug"])
    post.redirects.filter(old_path=f"/posts/{post.slug}").delete()
    values = {"post": post, "updated_at": now, "created_at": now}
    redirect, is_new = Redirect.objects.get_or_create(old_path=f"/posts/{old_slug}", defaults=values)
    if not is_new and post.is_public(now) and policy.may_edit_post(actor, redirect.post):
        redirect.post, redirect.updated_at = post, now
        redirect.save(update_fields=["post", "updated_at"])


def _refuse_backdating(actor: Actor, fields: PostFields) -> None:
    if {"created_at", "id"} & fields.keys() and actor is not policy.SYSTEM:
        raise PermissionRefused("Only importers say when a post was created, or which id it has.")


def _refuse_early_expiry(post: Post) -> None:
    if post.expires_at and post.published_at and post.expires_at <= post.published_at:
        raise InvalidInput([FieldError("expires_at", "too_early", "A post expires after it was published.")])


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as JSON holds them, and long texts by their length, because the revision has them."""
    return {name: _plain_value(value) for name, value in values.items() if name != "content"}


def _plain_value(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return str(value.pk) if isinstance(value, MediaFile) else value


def _field_errors(fields: PostFields) -> list[FieldError]:
    errors: list[FieldError] = []
    for name, (minimum, maximum) in TEXTS.items():
        if name in fields:
            errors += check_text(name, fields[name], minimum, maximum)  # type: ignore[literal-required]
    for name, allowed in CHOICES.items():
        if name in fields:
            errors += check_choice(name, fields[name], allowed)  # type: ignore[literal-required]
    if "language" in fields:
        errors += check_language("language", fields["language"])
    errors += check_instant("expires_at", fields.get("expires_at"))
    if problem := slug_problem(fields["slug"]) if "slug" in fields else None:
        errors.append(FieldError("slug", "invalid_slug", problem))
    return errors + _term_errors(fields)


def _term_errors(fields: PostFields) -> list[FieldError]:
    tags, categories = fields.get("tags", []), fields.get("categories", [])
    errors = [error for name in tags for error in tag_name_errors("tags", name)]
    if len(tags) > limits.TAGS_PER_POST_MAX:
        errors.append(
            FieldError(
                "tags", "too_many", sentence("At most %(most)s tags are allowed.", most=limits.TAGS_PER_POST_MAX)
            )
        )
    if len(categories) > limits.CATEGORIES_PER_POST_MAX:
        errors.append(
            FieldError(
                "categories",
                "too_many",
                sentence("At most %(most)s categories are allowed.", most=limits.CATEGORIES_PER_POST_MAX),
            )
        )
    return errors
