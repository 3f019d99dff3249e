"""Every write of public content begins a generation, in any part of the code: statements are watched as they run.

Services are not the place: bulk content, imports, repairs and migrations write rows of their own, and content would be
served stale after an unnoticed write. SQLite needs none of this, see in_sqlite.py.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

from cms.generations import begin_generation
from cms.generations.in_postgresql import PRIVATE_TABLES

_WRITE: Final = re.compile(
    rf"\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE)\s+\"?cms_(?!(?:{'|'.join(PRIVATE_TABLES)})\b)", re.IGNORECASE
)
# Every login does this, and nobody sees it.
_LOGIN: Final = re.compile(r'UPDATE "cms_user" SET "last_login" = %s WHERE ')

type Execute = Callable[[str, Any, bool, dict[str, Any]], Any]


def watch_writes(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Receives `connection_created`, which a connection of a pool sends each time it is taken."""
    if settings.REDIS_URL and connection.vendor != "sqlite" and _notice not in connection.execute_wrappers:
        # First, for `execute_wrapper` blocks, one of which may be open now, take away the last when they end.
        connection.execute_wrappers.insert(0, _notice)


def hear_of_doubt(hooks: Sequence[Callable[[], Any]]) -> None:
    """Begin a generation after a commit without an answer: public content may have changed."""
    if begin_generation in hooks:
        begin_generation()


def changes_public_content(sql: str) -> bool:
    return _WRITE.match(sql) is not None and _LOGIN.match(sql) is None


def _notice(execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    result = execute(sql, params, many, context)
    if changes_public_content(sql):
        connection: BaseDatabaseWrapper = context["connection"]
        # Once a transaction: a rollback that takes the noted call away takes this write with it.
        if not any(entry[1] is begin_generation for entry in connection.run_on_commit):
            connection.on_commit(begin_generation)
    return result
