"""Statements that are run again and again: PostgreSQL plans them once for each connection."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db import NotSupportedError, OperationalError, ProgrammingError, connection

PLACE: Final = re.compile(r"%[%s]")


def is_kept_by_server() -> bool:
    return hasattr(connection, "prepared_cursor")


def with_constants(sql: str, params: Sequence[Any], is_constant: Callable[[Any], bool]) -> tuple[str, tuple[Any, ...]]:
    """Write the constants among `params` into the text: a partial index is only used for values that the plan knows."""
    if not is_kept_by_server():
        return sql, tuple(params)
    from psycopg.sql import Literal  # noqa: PLC0415 - of PostgreSQL alone

    connection.ensure_connection()
    remaining = iter(params)
    kept: list[Any] = []

    def fill(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%%"
        value = next(remaining)
        if is_constant(value):
            return Literal(value).as_string(connection.connection).replace("%", "%%")
        kept.append(value)
        return "%s"

    return PLACE.sub(fill, sql), tuple(kept)


def fetch_all(sql: str, params: Sequence[Any]) -> Any:
    """Return the rows. A plan that PostgreSQL refuses, since a migration changed what it reads, is made again."""
    if not is_kept_by_server():
        return fetch_all_unplanned(sql, params)
    try:
        return _fetch_all(connection.prepared_cursor(), sql, params)  # type: ignore[attr-defined]
    except (NotSupportedError, OperationalError, ProgrammingError) as error:
        if connection.in_atomic_block or not _is_stale(error):
            raise
    connection.connection.forget_plans()
    return fetch_all_unplanned(sql, params)


def fetch_all_unplanned(sql: str, params: Sequence[Any]) -> Any:
    """Return the rows without a kept plan: within a transaction, a plan that is refused can't be made again."""
    return _fetch_all(connection.cursor(), sql, params)


def _fetch_all(opened: Any, sql: str, params: Sequence[Any]) -> Any:
    with opened as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def _is_stale(error: Exception) -> bool:
    """Return whether the plan or the statement was lost or has changed.

    0A000 is "cached plan must not change result type". 26000 is a statement that another client's DEALLOCATE removed.
    42P05 is one that exists already: the session was another client's, by a router that knows no prepared statements.
    """
    return getattr(error.__cause__, "sqlstate", None) in ("0A000", "26000", "42P05")
