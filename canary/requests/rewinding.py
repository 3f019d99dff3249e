"""A request as it was before a version looked at it, so that another version can answer it as if it were the first."""

from typing import Any, NamedTuple

from django.db import connections
from django.http import HttpRequest


class Before(NamedTuple):
    attributes: dict[str, Any]
    meta: dict[str, Any]

    @property
    def method(self) -> str:
        return str(self.attributes["method"])


def remember(request: HttpRequest) -> Before:
    return Before(request.__dict__.copy(), request.META.copy())


def rewind(request: HttpRequest, before: Before) -> None:
    """Remove what was found out about the request since: its user, session, route, URLconf and parsed parts.

    Transactions that were begun since and not ended are rolled back.

    `request.failed_run` keeps the removed attributes, for code that counts each request once, such as a rate limit.
    """
    for connection in connections.all(initialized_only=True):
        if _is_open(connection):
            _end_transactions(connection)
    failed_run = request.__dict__.copy()
    _put_back(request.__dict__, before.attributes)
    _put_back(request.META, before.meta)
    request.failed_run = failed_run  # type: ignore[attr-defined]


def _is_open(connection: Any) -> bool:
    """Return whether there is a transaction. A test's own one is around the whole request."""
    if connection.in_atomic_block:
        return any(not block._from_testcase for block in connection.atomic_blocks)
    return connection.connection is not None and not connection.autocommit


def _end_transactions(connection: Any) -> None:
    """Close the connection, with which all ends, though its blocks are still open: their code has failed."""
    connection.in_atomic_block = connection.needs_rollback = connection.closed_in_transaction = False
    connection.close()


def was_body_read(request: HttpRequest) -> bool:
    """Return whether something of the body is gone from the server's stream, where nobody can read it again."""
    return bool(request._read_started)  # type: ignore[attr-defined]


def _put_back(values: dict[str, Any], before: dict[str, Any]) -> None:
    """Put it back in place, and never empty meanwhile: another thread may be looking at a request that hangs."""
    values.update(before)
    for name in values.keys() - before.keys():
        del values[name]
