"""Holding a row still while a service decides about it."""

import uuid
from collections.abc import Sequence
from typing import Any, cast

from django.db import connection, models
from django.db.transaction import TransactionManagementError

from cms.db.statements import columns_of, fetch_named, objects_of
from cms.errors import NotFound, sentence


def lock_row[Row: models.Model](row: Row, *, is_doomed: bool = False) -> Row:
    """Return the row as it is now, locked until the transaction ends. Raises NotFound when it is gone.

    Others may still insert rows that refer to it, unless it is about to be deleted: they need its key alone, and two
    writers that wait for each other's keys and counts would end in a deadlock.
    """
    model = cast("type[Row]", row._meta.model)  # not type(row): a request's user is a lazy object of another class
    pk: Any = model._meta.pk.to_python(row.pk)
    if not connection.in_atomic_block:
        raise TransactionManagementError("A lock ends with its transaction, and there is none.")

    def build(ids: Sequence[uuid.UUID]) -> models.QuerySet[Row, dict[str, Any]]:
        rows = model._default_manager.select_for_update(no_key=not is_doomed).filter(pk__in=ids)
        return rows.values(*columns_of(model))

    rows = objects_of(model, fetch_named(("lock", model, is_doomed), build, [pk])) if pk else ()
    if not rows:
        raise NotFound(sentence("This %(noun)s does not exist any more.", noun=row._meta.verbose_name))
    return rows[0]
