"""Holding a row still while a service decides about it."""

from typing import Any, Final, cast

from django.db import connection, models
from django.db.transaction import TransactionManagementError

from cms.db.compiled import Given, Param, columns_of, compiled, objects_of
from cms.errors import NotFound, sentence

_ADMINS: Final = (1, 1)
_INVITATIONS: Final = (1, 2)
"""PostgreSQL keeps locks of two numbers apart from those of one, which repeated requests use."""


def lock_row[Row: models.Model](row: Row, *, is_doomed: bool = False) -> Row:
    """Return the row as it is now, locked until the transaction ends. Raises NotFound when it is gone.

    Others may still insert rows that refer to it, unless it is about to be deleted: they need its key alone, and two
    writers that wait for each other's keys and counts would end in a deadlock.
    """
    model = cast("type[Row]", row._meta.model)  # not type(row): a request's user is a lazy object of another class
    pk: Any = model._meta.pk.to_python(row.pk)
    if not connection.in_atomic_block:
        raise TransactionManagementError("A lock ends with its transaction, and there is none.")
    rows = objects_of(model, _locked_row.rows((model, is_doomed), id=pk)) if pk else ()
    if not rows:
        raise NotFound(sentence("This %(noun)s does not exist any more.", noun=row._meta.verbose_name))
    return rows[0]


def unlocked[Row: models.Model](rows: models.QuerySet[Row], *, are_doomed: bool = False) -> models.QuerySet[Row]:
    """Lock the rows that nobody else holds, and leave out the others: who waits for nobody is in no deadlock.

    On SQLite, with its one writer, nobody else holds any.
    """
    if not connection.features.has_select_for_update_skip_locked:
        return rows
    return rows.select_for_update(skip_locked=True, no_key=not are_doomed, of=("self",))


def hold_post(post: models.Model) -> None:
    """Keep a post from being deleted until the transaction ends. Raises NotFound when it is gone.

    Its text, which may be long, is not read.
    """
    rows = type(post)._default_manager.select_for_update(no_key=True).filter(pk=post.pk)
    if not rows.values_list("pk", flat=True):
        raise NotFound(sentence("This %(noun)s does not exist any more.", noun=post._meta.verbose_name))


def lock_the_admins() -> None:
    """Until the transaction ends, no other one takes an admin away: one of two who demote each other has to stay.

    Call it with the admin's own row locked, and lock no other row of a user afterwards: that order has no deadlock.
    """
    _take(_ADMINS)


def lock_the_invitations() -> None:
    """Until the transaction ends, no other one invites, accepts or erases an address: each sees what the others did.

    Call it before any row is locked: that order has no deadlock.
    """
    _take(_INVITATIONS)


def _take(lock: tuple[int, int]) -> None:
    if connection.vendor == "postgresql":  # SQLite has one writer at a time
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", lock)


@compiled()
def _locked_row(shape: tuple[type[models.Model], bool], _: Given) -> models.QuerySet[Any, Any]:
    model, is_doomed = shape
    rows = model._default_manager.select_for_update(no_key=not is_doomed).filter(pk=Param("id", model._meta.pk))
    return rows.values(*columns_of(model))
