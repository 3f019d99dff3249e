"""The connection over which a server process reads the rollout: no statement of a request delays a rollback."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

TIMEOUT_S: Final = 1
"""A statement that takes longer fails; the next turn tries again, a second later."""
# libpq gives an address up that swallows packets: within seconds, where a request may wait for longer.
_LIBPQ: Final = {
    "connect_timeout": 2,
    "tcp_user_timeout": 2_000,
    "keepalives_idle": 1,
    "keepalives_interval": 1,
    "keepalives_count": 2,
}


class OwnConnection:
    """One that belongs to no pool and stays open between its uses, all of them by one thread."""

    def __init__(self) -> None:
        self._kept: Any = None

    @contextmanager
    def used(self) -> Iterator[None]:
        """Have this thread ask the database over it. A failure closes it: the next use begins with another one."""
        usual = connections[DEFAULT_DB_ALIAS]
        connections[DEFAULT_DB_ALIAS] = self._kept = self._kept or _make()
        with ExitStack() as at_end:
            at_end.callback(connections.__setitem__, DEFAULT_DB_ALIAS, usual)
            with ExitStack() as on_failure:
                on_failure.callback(self.close)
                yield
                # So that its next use begins with a look whether it is there.
                self._kept.close_if_unusable_or_obsolete()
                on_failure.pop_all()

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()


@contextmanager
def brief() -> Iterator[None]:
    """End each statement of the block after TIMEOUT_S, where the database can.

    For one transaction only: a setting of the session would stay on a connection that a pooler hands to others.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{TIMEOUT_S}s"])
        yield


def _make() -> Any:
    made = connections.create_connection(DEFAULT_DB_ALIAS)
    options = {name: value for name, value in made.settings_dict["OPTIONS"].items() if name != "pool"}
    if made.vendor == "postgresql":
        options |= _LIBPQ
    elif made.vendor == "sqlite":
        options["timeout"] = TIMEOUT_S
    # The dictionary is shared by all connections.
    made.settings_dict = {**made.settings_dict, "OPTIONS": options, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    made.inc_thread_sharing()  # its thread may have ended when it is closed
    return made
