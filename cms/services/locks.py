"""Holding a row still while a service decides about it."""

from typing import cast

from django.db import models

from cms.errors import NotFound


def lock_row[Row: models.Model](row: Row, *, is_doomed: bool = False) -> Row:
    """The row as it is now, locked until the transaction ends. Raises NotFound when it is gone.

    Others may still insert rows that refer to it, unless it is about to be deleted: they need its key alone, and two
    writers that wait for each other's keys and counts would end in a deadlock.
    """
    model = cast("type[Row]", row._meta.model)  # not type(row): a request's user is a lazy object of another class
    rows = model._default_manager.select_for_update(no_key=not is_doomed)
    locked: Row | None = rows.filter(pk=row.pk).first()
    if locked is None:
        raise NotFound(f"This {row._meta.verbose_name} does not exist any more.")
    return locked
