"""Our database engine: Django's PostgreSQL backend over a pool that tells "busy" from "gone"."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

type Hook = Callable[[], Any]

told_of_doubt: Final[list[Callable[[Sequence[Hook]], None]]] = []
"""Called after a commit that got no answer, with the hooks that would have run: it may have happened or not.

The call comes once the database can be asked again: until then nobody can see what was committed.
"""


def tell_of_doubt(hooks: Sequence[Hook]) -> None:
    for hear in told_of_doubt:
        hear(hooks)


def is_outage(error: BaseException | None) -> bool:
    """Whether a driver's error says that the database was known to be gone."""
    return _is_a("DatabaseUnreachable", error)


def is_busy(error: BaseException | None) -> bool:
    """Whether a driver's error says that all connections stayed in use."""
    return _is_a("PoolBusy", error)


def is_own_fault(error: BaseException | None) -> bool:
    """Whether a driver's error says that views keep all connections that they may have beside those of requests."""
    return _is_a("ShareBusy", error)


def _is_a(name: str, error: BaseException | None) -> bool:
    """Return whether the error is of this class, without loading a driver that isn't in use."""
    errors = sys.modules.get("cms.db.postgresql.errors")
    return errors is not None and isinstance(error, getattr(errors, name))
