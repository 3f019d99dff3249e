"""One database for each size, side by side in one PostgreSQL: each is a copy of the last one, and more posts."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.measuring.site import PASSWORD, WRITER, run

BUILD_INDEXES_LAST_FROM: Final = 50_000
"""Posts: entering each of their words into an index one by one takes longer than building it from all of them."""
DERIVED_INDEXES: Final = ("cms_searchdocument_vector", "cms_searchdocument_suggestion")
COMMENTS_PER_POST: Final = 2

type Say = Callable[[str], object]


def name_of(size: int) -> str:
    return f"scale_{size}"


def url_of(base_url: str, size: int) -> str:
    return urlunsplit(urlsplit(base_url)._replace(path=f"/{name_of(size)}"))


@contextmanager
def databases(base_url: str, sizes: list[int], env: dict[str, str], say: Say) -> Iterator[dict[int, str]]:
    """The URLs by size, smallest first; the databases are dropped at the end."""
    made: dict[int, str] = {}
    with psycopg.connect(base_url, autocommit=True) as admin:
        try:
            for size in sorted(sizes):
                template = f" TEMPLATE {name_of(max(made))}" if made else ""
                admin.execute(f"CREATE DATABASE {name_of(size)}{template}")  # type: ignore[call-overload]
                is_first = not made
                made[size] = url_of(base_url, size)
                started = time.monotonic()
                fill({**env, "DATABASE_URL": made[size]}, size, is_new=is_first)
                say(f"{size:,} posts: made in {time.monotonic() - started:.0f} s, {size_mb(made[size]):,.0f} MB")
            yield made
        finally:
            for size in made:
                admin.execute(f"DROP DATABASE IF EXISTS {name_of(size)} WITH (FORCE)")  # type: ignore[call-overload]


def fill(env: dict[str, str], size: int, *, is_new: bool) -> None:
    """Posts, their comments, an author who can sign in, and what autovacuum would have done by then."""
    if is_new:
        run("migrate", "--no-seed", "-v0", env=env)
        run("seed", env=env)
        create = ("users", "create", "--username", "writer", "--email", WRITER, "--role", "author")
        run(*create, "--password-stdin", env=env, typed=PASSWORD)
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as connection:
        is_large = size >= BUILD_INDEXES_LAST_FROM
        definitions = _drop_derived_indexes(connection) if is_large else []
        run("seed", "--posts", str(size), "--comments", str(size * COMMENTS_PER_POST), env=env)
        connection.execute("SET maintenance_work_mem = '512MB'")
        for definition in definitions:
            connection.execute(definition)  # type: ignore[call-overload]
        connection.execute("VACUUM ANALYZE")


def _drop_derived_indexes(connection: psycopg.Connection) -> list[str]:
    """What makes them again."""
    rows = connection.execute("SELECT indexdef FROM pg_indexes WHERE indexname = ANY(%s)", [[*DERIVED_INDEXES]])
    definitions = [definition for (definition,) in rows]
    connection.execute(f"DROP INDEX {', '.join(DERIVED_INDEXES)}")  # type: ignore[call-overload]
    return definitions


def size_mb(url: str) -> float:
    with psycopg.connect(url) as connection:
        [(size,)] = connection.execute("SELECT pg_database_size(current_database())").fetchall()
    return float(size) / 1_000_000


def largest_tables_mb(url: str) -> dict[str, float]:
    """The eight largest with their indexes."""
    statement = """SELECT relname, pg_total_relation_size(oid) / 1e6 FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC LIMIT 8"""
    with psycopg.connect(url) as connection:
        return {name: float(size) for name, size in connection.execute(statement)}
