"""The generation of the public content: a number that grows with every change of what anybody may read.

A reader that keeps what it read asks for the generation before reading. The result stands for as long as the generation
is the same. All processes see a change at most `in_redis.CONFIRMED_FOR_S` after it was answered.
"""

import os
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from cms.generations.in_postgresql import counters
from cms.generations.in_redis import RedisGenerations
from cms.generations.in_sqlite import SqliteGenerations

IN_MEMORY: Final = ("", ":memory:")

_is_server = False


def current_generation() -> int | None:
    """Return the generation as this process counts it; None when it can't be known: then use no kept result.

    Inside a transaction it is None too: nobody else may see yet, or any longer, what is read there.
    """
    database = connections[DEFAULT_DB_ALIAS]
    if database.in_atomic_block:
        return None
    source = _source(database)
    return source.current() if source else None


def generation_in_outage() -> int | None:
    """Return the generation for a reader whom the database doesn't answer: worth waiting for, if Redis is late."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.in_atomic_block:
        return None
    source = _source(database)
    return source.current_however_late() if source else None


def still_since() -> float:
    """Return since when nobody changed public content without a report, as `time.monotonic()` counts.

    It is infinite when that is not known. Changes are noticed some ten seconds late, those of an SQLite file at once.
    """
    if connections[DEFAULT_DB_ALIAS].vendor == "sqlite":
        return float("-inf")
    return counters().still_since() if _is_server else float("inf")


def serve() -> None:
    """Let this process watch its database from its first read on, in a thread: it answers requests, maybe for weeks."""
    global _is_server  # noqa: PLW0603  set once, by cms/wsgi.py
    _is_server = True


def begin_generation() -> None:
    """Tell every process that public content has changed: after the commit, before anybody learns of the change."""
    if source := _source(connections[DEFAULT_DB_ALIAS]):
        source.begin()


def _source(database: BaseDatabaseWrapper) -> RedisGenerations | SqliteGenerations | None:
    # By process: what was made before a fork holds a socket and a lock of the parent.
    return _source_of(os.getpid(), database.vendor, str(database.settings_dict["NAME"]), settings.REDIS_URL)


@lru_cache(maxsize=8)
def _source_of(_pid: int, vendor: str, name: str, redis_url: str) -> RedisGenerations | SqliteGenerations | None:
    if vendor == "sqlite":
        return None if name in IN_MEMORY or "mode=memory" in name else SqliteGenerations(name)
    return RedisGenerations(redis_url) if redis_url else None
