"""Connections to databases that a thread has for its repeats alone."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections


@contextmanager
def own_connection(alias: str = DEFAULT_DB_ALIAS) -> Iterator[Any]:
    """Use a connection of this thread outside the pool: a thread that hangs must not hold what requests wait for."""
    usual: Any = connections[alias]
    own = usual.copy()
    own.settings_dict["OPTIONS"].pop("pool", None)
    connections[alias] = own
    try:
        yield own
    finally:
        raw = own.connection
        own.close()
        if raw is not None:
            raw.close()  # Django leaves one to an SQLite in memory open
        connections[alias] = usual


@contextmanager
def other_databases(connect: Callable[[Any], None]) -> Iterator[None]:
    """Have `connect` open the connections to other databases than the default, as soon as something uses them.

    It gets Django's wrapper. No connection is open before, nor after.
    """
    with ExitStack() as stack:
        for alias in connections:
            if alias != DEFAULT_DB_ALIAS:
                own = stack.enter_context(own_connection(alias))
                own.connect = partial(connect, own)
        yield
