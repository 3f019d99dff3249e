"""Around every statement of a handler: what is refused, and what a statement that fails leaves behind."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

from django.db import DatabaseError, connection

from canary.shadow.own_connections import other_databases
from canary.shadow.side_effects import SideEffectError
from canary.shadow.snapshots import READ_ONLY_TRANSACTION, Guard

STEPS: Final = re.compile(r"\s*(?:SAVEPOINT|RELEASE|ROLLBACK\s+TO)\b[^;]*\Z", re.IGNORECASE)
REFUSED: Final = re.compile(
    r"(?:|.*;)(?>\s+|--[^\n]*\n|/\*.*?\*/)*+"
    r"(?:BEGIN|START|COMMIT|END|ABORT|ROLLBACK(?!\s+TO\b)|PREPARE\s+TRANSACTION|LOCK|SET\s+SESSION)\b"
    r"|.*\bpg_(?:try_)?advisory_",
    re.IGNORECASE | re.DOTALL,
)
"""Statements that would end the transaction, first or after another one, and locks that READ ONLY does not refuse."""
READS: Final = re.compile(
    r"\s*(?:SELECT|WITH)\b(?!.*\bFOR\s+(?:NO\s+KEY\s+|KEY\s+)?(?:UPDATE|SHARE)\b)", re.IGNORECASE | re.DOTALL
)
TABLE: Final = re.compile(r'\b(?:INTO|UPDATE|FROM)\s+"?(?P<name>\w+)', re.IGNORECASE)
NOT_AUTHORIZED: Final = "not authorized"
"""SQLite's sentence for a refusal of the authorizer."""


class WriteGuard(Guard):
    """Like that of reads. Outside of blocks a statement that fails takes back itself alone, as with autocommit."""

    depth = 0
    """How many blocks are open as the handler begins."""

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        is_step = isinstance(sql, str) and STEPS.match(sql) is not None
        if isinstance(sql, str) and not is_step and REFUSED.match(sql):
            self.tried.append(f"sends {' '.join(sql.split())[:100]}")
            raise SideEffectError(f"A repeated write {self.tried[-1]}.")
        if is_step or any(connection.savepoint_ids[self.depth :]):
            return super().__call__(execute, sql, params, many, context)
        connection.needs_rollback = False  # an error before is over: that statement was taken back alone
        return self._alone(execute, sql, params, many, context)

    def _alone(self, *call: Any) -> Any:
        if connection.vendor == "sqlite":  # a statement that fails leaves nothing there
            return super().__call__(*call)
        _send("SAVEPOINT canary_statement")
        try:
            result = super().__call__(*call)
        except DatabaseError:
            _send("ROLLBACK TO SAVEPOINT canary_statement")
            raise
        _send("RELEASE SAVEPOINT canary_statement")
        return result

    def _note(self, error: DatabaseError, sql: str) -> None:
        state = getattr(error.__cause__, "sqlstate", None)
        if state != READ_ONLY_TRANSACTION and NOT_AUTHORIZED not in str(error):
            super()._note(error, sql)
            return
        table = TABLE.search(sql)
        does = "locks rows of" if sql.lstrip()[:6].upper() == "SELECT" else "writes to"
        named = f"{does} {table['name']}, which ROWS does not name" if table else f"sends {sql[:200]}"
        self.tried.append(named)


def refuse_changes(execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Wrap the statements of ROWS, which runs before the database refuses anything."""
    if not READS.match(str(sql)):
        raise SideEffectError(f"ROWS sends {' '.join(str(sql).split())[:100]}, and may only read.")
    return execute(sql, params, many, context)


def _send(sql: str) -> None:
    """Send it beside Django's cursor, which holds the result of the handler's statement."""
    wrapper: Any = connection
    with wrapper.connection.cursor() as cursor:
        cursor.execute(sql)


def other_databases_refused(tried: list[str]) -> AbstractContextManager[None]:
    """Refuse every connection to another database than the default: it has no copy."""

    def refuse(other: Any) -> None:
        tried.append(f"uses the database {other.alias}, which has no copy")
        raise SideEffectError(f"A repeated write {tried[-1]}.")

    return other_databases(refuse)
