"""Categories: creating, changing, moving and deleting, without ever closing a cycle."""

import datetime
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypedDict

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_noop

from cms import limits, policy
from cms.errors import Duplicate, FieldError, InUse, InvalidInput, NotFound, PermissionRefused, sentence
from cms.models import Category
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.checks import check_text
from cms.services.locks import lock_row
from cms.services.slugs import insert_with_slug, save_with_slug
from cms.text.slugs import slug_problem, slugify

TAKEN_SLUG = gettext_noop("A category with this slug exists.")
MISSING_PARENT = FieldError("parent", "missing", "The parent does not exist any more.")


class CategoryFields(TypedDict, total=False):
    name: str
    slug: str
    description: str
    parent: Category | None
    is_active: bool
    id: uuid.UUID
    """Only for importers."""


def create_category(*, actor: Actor, fields: CategoryFields, now: datetime.datetime) -> Category:
    _refuse_non_editor(actor)
    errors = _field_errors({"name": "", **fields})
    if errors:
        raise InvalidInput(errors)
    category = Category(**fields, created_at=now, updated_at=now)
    category.slug = fields.get("slug") or _derived_slug(category.name)
    with transaction.atomic():
        _lock_parent(category)
        _refuse_taken_name(category)
        with _taken_name_refused(category), transaction.atomic():
            insert_with_slug(category, is_chosen="slug" in fields, taken_message=TAKEN_SLUG)
        record_event(actor, "category.created", category, before={}, after=_described(category))
    return category


def update_category(*, actor: Actor, category: Category, changes: CategoryFields, now: datetime.datetime) -> Category:
    _refuse_non_editor(actor)
    if errors := _field_errors(changes):
        raise InvalidInput(errors)
    with transaction.atomic():
        # The whole tree, in one order: two moves at once could otherwise close a cycle that neither of them sees.
        rows = Category.objects.select_for_update(no_key=True).order_by("pk")
        parents: dict[uuid.UUID, uuid.UUID | None] = dict(rows.values_list("pk", "parent_id"))
        category = lock_row(category)
        before = _described(category)
        if all(getattr(category, name) == value for name, value in changes.items()):
            return category
        for name, value in changes.items():
            setattr(category, name, value)
        _refuse_cycle(category, parents)
        _refuse_taken_name(category)
        category.updated_at = now
        with _taken_name_refused(category):
            save_with_slug(category, taken_message=TAKEN_SLUG)
        is_switched_off = before["is_active"] and not category.is_active
        action = "category.deactivated" if is_switched_off else "category.updated"
        record_event(actor, action, category, before=before, after=_described(category))
    return category


def delete_category(*, actor: Actor, category: Category) -> None:
    """Delete a category. Raises InUse while posts of any status or other categories use it."""
    _refuse_non_editor(actor)
    with transaction.atomic():
        category = lock_row(category, is_doomed=True)
        if category.posts.exists():
            raise InUse("This category can't be deleted while posts use it.")
        if category.children.exists():
            raise InUse("This category can't be deleted while it has categories below it.")
        record_event(actor, "category.deleted", category, before=_described(category), after={})
        category.delete()


def _refuse_non_editor(actor: Actor) -> None:
    if not policy.may_manage_terms(actor):
        raise PermissionRefused("Only editors manage categories.")


def _derived_slug(name: str) -> str:
    slug = slugify(name, fallback="category")
    return f"category-{slug}" if slug in limits.RESERVED_CATEGORY_SLUGS else slug


def _lock_parent(category: Category) -> None:
    """Lock the parent, so that nobody deletes it before the new row stands below it."""
    if category.parent is None:
        return
    try:
        lock_row(category.parent)
    except NotFound as error:
        raise InvalidInput([MISSING_PARENT]) from error


@contextmanager
def _taken_name_refused(category: Category) -> Iterator[None]:
    """Turn the constraint's refusal into the same error, for a race that the look beforehand could not see."""
    try:
        yield
    except IntegrityError as error:
        _refuse_taken_name(category, cause=error)
        raise


def _refuse_taken_name(category: Category, cause: Exception | None = None) -> None:
    same = Category.objects.filter(parent_id=category.parent_id, name=category.name).exclude(pk=category.pk)
    if same.exists():
        raise Duplicate("name", "A category with this name exists under the same parent.") from cause


def _refuse_cycle(category: Category, parents: dict[uuid.UUID, uuid.UUID | None]) -> None:
    above = category.parent_id
    if above is not None and above not in parents:
        raise InvalidInput([MISSING_PARENT])
    while above is not None:
        if above == category.pk:
            raise InvalidInput([FieldError("parent", "cycle", "A category can't stand below itself.")])
        above = parents.get(above)


def _described(category: Category) -> dict[str, Any]:
    return {
        "name": category.name,
        "slug": category.slug,
        "parent": str(category.parent_id) if category.parent_id else None,
        "is_active": category.is_active,
    }


def _field_errors(fields: CategoryFields) -> list[FieldError]:
    errors: list[FieldError] = []
    if "name" in fields:
        errors += check_text("name", fields["name"], *limits.CATEGORY_NAME)
    if "slug" in fields:
        problem = slug_problem(fields["slug"])
        if fields["slug"] in limits.RESERVED_CATEGORY_SLUGS:
            problem = sentence("The slug %(value)s is reserved.", value=repr(fields["slug"]))
        if problem:
            errors.append(FieldError("slug", "invalid_slug", problem))
    errors += check_text("description", fields.get("description", ""), 0, limits.DESCRIPTION_MAX)
    return errors
