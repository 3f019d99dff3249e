"""Giving a row its slug: the chosen one, or a derived one with a number appended until it is free."""

from collections.abc import Callable
from traceback import clear_frames

from django.db import IntegrityError, models, transaction

from cms.errors import Duplicate
from cms.text.slugs import numbered

MAX_TRIES = 50


def insert_with_slug(row: models.Model, *, is_chosen: bool, taken_message: str) -> None:
    """Insert `row`; a chosen slug that is taken is a Duplicate, a derived one gets the next free number.

    The unique constraint decides, not a look beforehand: of two inserts at once one is told to try the next number.
    """
    derived: str = row.slug  # type: ignore[attr-defined]
    for _ in range(MAX_TRIES):
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            clear_frames(error.__traceback__)  # or they hold the row, and its text, until the next full collection
            if not is_slug_taken(row):
                raise
        else:
            return
        if is_chosen:
            break
        row.slug = _next_free(type(row), derived)  # type: ignore[attr-defined]
    raise Duplicate("slug", taken_message)


def is_slug_taken(row: models.Model) -> bool:
    rows = type(row)._default_manager.filter(slug=row.slug)  # type: ignore[attr-defined]
    return rows.exclude(pk=row.pk).exists()


def save_with_slug(row: models.Model, *, taken_message: str, update_fields: list[str] | None = None) -> None:
    """Save a row whose slug may have changed. Raises Duplicate, also when somebody else took the slug meanwhile."""
    if is_slug_taken(row):
        raise Duplicate("slug", taken_message)
    try:
        with transaction.atomic():
            row.save(update_fields=update_fields)
    except IntegrityError as error:
        if is_slug_taken(row):
            raise Duplicate("slug", taken_message) from error
        raise


def free_number(is_taken: Callable[[int], bool]) -> int:
    """Return a free number from 2 on, by doubling and then halving: few look-ups for a name used 10,000 times."""
    taken, free = 1, 2
    while is_taken(free):
        taken, free = free, free * 2
    while free - taken > 1:
        middle = (taken + free) // 2
        if is_taken(middle):
            taken = middle
        else:
            free = middle
    return free


def _next_free(model: type[models.Model], slug: str) -> str:
    return numbered(slug, free_number(lambda number: _is_taken(model, numbered(slug, number))))


def _is_taken(model: type[models.Model], slug: str) -> bool:
    return model._default_manager.filter(slug=slug).exists()
