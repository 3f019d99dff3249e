"""Count the statements of each request, and notice one that a request sends again and again: an N+1.

An execute wrapper on every connection costs one dictionary entry per statement. It never reads parameters.
"""

import re
import threading
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Protocol

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

REPEATS_MIN: Final = 5
STATEMENT_MAX: Final = 4_000

# Statements that open and close transactions are not queries, however often they come.
_CONTROL: Final = re.compile(r"\s*(?:BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b", re.IGNORECASE)
_TEXT: Final = re.compile(r"'(?:[^']|'')*'")
_NUMBER: Final = re.compile(r"(?<![\w\"])\d+(?:\.\d+)?\b")
_LIST: Final = re.compile(r"\((?:\s*%s\s*,)+\s*%s\s*\)")
_BLANK: Final = re.compile(r"\s+")


class Execute(Protocol):
    def __call__(self, sql: Any, params: Any, many: bool, context: dict[str, Any], /) -> Any: ...


class Counted(NamedTuple):
    """The statements of a request. `repeated` holds the text and count of each one sent REPEATS_MIN times or more."""

    statements: int
    repeated: tuple[tuple[str, int], ...] = ()


NOTHING: Final = Counted(0)


class _State(threading.local):
    """State of each thread: the statements since `start_counting`, None when no request is being counted."""

    counts: dict[str, int] | None = None


_state = _State()


def watch_queries(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Receive `connection_created`, which a connection of a pool sends each time it is taken."""
    if _count not in connection.execute_wrappers:
        # First, because `execute_wrapper` blocks remove the last one when they end, and one may be open now.
        connection.execute_wrappers.insert(0, _count)


def watch_open_connections() -> None:
    """Watch this thread's connections that were opened before."""
    for connection in connections.all(initialized_only=True):
        watch_queries(connection)


def start_counting() -> None:
    _state.counts = {}


def stop_counting() -> Counted:
    """Return the statements that this thread sent since `start_counting`."""
    counts, _state.counts = _state.counts, None
    if not counts:
        return NOTHING
    total = sum(counts.values())
    if total < REPEATS_MIN:
        return Counted(total)
    return Counted(total, tuple((sql, times) for sql, times in counts.items() if times >= REPEATS_MIN))


def _count(execute: Execute, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    counts = _state.counts
    if counts is not None:
        text = sql if type(sql) is str else repr(sql)
        counts[text] = counts.get(text, 0) + 1
    return execute(sql, params, many, context)


def normalised(sql: str) -> str | None:
    """Return the statement without values, with lists of parameters as one; None for transaction control."""
    if _CONTROL.match(sql):
        return None
    text = _NUMBER.sub("?", _TEXT.sub("?", sql[: 4 * STATEMENT_MAX]))
    return _BLANK.sub(" ", _LIST.sub("(%s, …)", text)).strip()[:STATEMENT_MAX]


def fingerprint_of(statement: str) -> str:
    """Return 16 hexadecimal digits for a normalised statement."""
    return blake2b(statement.encode(errors="replace"), digest_size=8).hexdigest()
